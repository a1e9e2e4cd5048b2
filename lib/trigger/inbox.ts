/** Taken from the queue and not yet part of a batch. */
type Waiting = {
  /** What it takes in Lambda's event. */
  bytes: number;
  /** When it arrived, ms. */
  at: number;
};

type Inbox<T extends Waiting> = {
  add: (message: T) => void;
  /**
   * The next batch: as soon as there are `limit` messages, or as many bytes as an event holds, or
   * the oldest has waited out the window; once closed whatever there is, and `undefined` when empty.
   * One call at a time.
   */
  next: (limit: number) => Promise<T[] | undefined>;
  close: () => void;
  /** Empties it. */
  takeAll: () => T[];
};

/** Collects messages into batches as Lambda's trigger does. A message larger than `maxBytes` is a batch alone. */
export function inbox<T extends Waiting>({
  windowMs,
  maxBytes,
  now,
}: {
  windowMs: number;
  maxBytes: number;
  /** ms */
  now: () => number;
}): Inbox<T> {
  let messages: T[] = [];
  let bytes = 0;
  let closed = false;
  let asked: { limit: number; give: (batch: T[] | undefined) => void } | undefined;
  let timer: NodeJS.Timeout | undefined;

  function giveIfDue(): void {
    if (asked === undefined) return;
    const full = messages.length >= asked.limit || bytes >= maxBytes;
    if (full || closed) return give();
    // One timer for each batch, not for each message.
    const [first] = messages;
    if (first === undefined || timer !== undefined) return;
    const left = first.at + windowMs - now();
    if (left <= 0) give();
    else timer = setTimeout(give, left);
  }

  function give(): void {
    clearTimeout(timer);
    timer = undefined;
    const { limit, give: answer } = asked!;
    asked = undefined;
    answer(messages.length === 0 ? undefined : take(limit));
  }

  function take(limit: number): T[] {
    let count = 0;
    let size = 0;
    for (const message of messages) {
      if (count === limit || (count > 0 && size + message.bytes > maxBytes)) break;
      count += 1;
      size += message.bytes;
    }
    const batch = messages.slice(0, count);
    messages = messages.slice(count);
    bytes -= size;
    return batch;
  }

  return {
    add(message) {
      messages.push(message);
      bytes += message.bytes;
      giveIfDue();
    },
    next: (limit) =>
      new Promise((give) => {
        asked = { limit, give };
        giveIfDue();
      }),
    close() {
      closed = true;
      giveIfDue();
    },
    takeAll() {
      const all = messages;
      messages = [];
      bytes = 0;
      return all;
    },
  };
}
