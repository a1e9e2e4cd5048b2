/** A message that was taken from the queue and is not in a batch yet. */
type Waiting = {
  /** Its size in Lambda's event. */
  bytes: number;
  /** When it arrived, ms. */
  at: number;
};

type Inbox<T extends Waiting> = {
  add: (message: T) => void;
  /**
   * Resolves with the next batch: when there are `limit` messages, when an event is full, or when the
   * oldest message has waited for the window. After `close` it resolves with the rest, then with
   * `undefined`. Call it again only after it has resolved.
   */
  next: (limit: number) => Promise<T[] | undefined>;
  close: () => void;
  /** Removes and returns all messages. */
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
    // One timer per batch is cheaper than one per message.
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
