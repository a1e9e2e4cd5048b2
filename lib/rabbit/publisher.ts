import { randomInt } from "node:crypto";
import type { ConfirmChannel, Options } from "amqplib";
import type { Logger } from "../log.ts";
import type { Metrics, PublishResult } from "../runtime/metrics.ts";
import { rabbitConnection } from "./connection.ts";
import {
  BrokerUnavailableError,
  ChannelLostError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "./errors.ts";
import { HEADER } from "./headers.ts";

/** Bodies held for the broker, with about 1 KiB of bookkeeping for each: more is refused at once. */
const MAX_HELD_BYTES = 64 * 1_024 * 1_024;
const OVERHEAD_BYTES = 1_024;

export type RabbitMessage = {
  /** "" is the default exchange: the routing key is then the name of a queue. */
  exchange: string;
  routingKey: string;
  /** Must not be changed until the publish has settled. */
  body: Uint8Array;
  headers?: Record<string, number | string>;
  contentType?: string;
  messageId?: string;
  type?: string;
  /** Epoch seconds, as AMQP has it. */
  timestamp?: number;
};

export type RabbitPublisher = {
  /**
   * Resolves once the broker has stored the message in every queue that it is routed to. Rejects
   * within `timeoutMs` of the call with UnroutableError, PublishRefusedError, PublishUnknownError or
   * BrokerUnavailableError (errors.ts says what each proves). The message is persistent, mandatory
   * and carries a fresh random `warren-copy`, by which a returned message is told from its neighbours.
   */
  publish(message: RabbitMessage): Promise<void>;
  /** Whether a message would be handed over now. Connects when there is no connection. */
  ready(): boolean;
  /** Takes no more messages, waits for those it has (at most `timeoutMs`), then disconnects. */
  close(): Promise<void>;
};

type Pending = {
  message: RabbitMessage;
  settled: boolean;
  /** Where it was handed over; absent while it waits. */
  on: Open | undefined;
  /** The broker's reason, once it has returned the message. */
  returned: string | undefined;
  resolve: () => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
};

type Open = {
  channel: ConfirmChannel;
  /** Whether it can be written to without piling up in memory. */
  drained: boolean;
  /** Tells confirms that can no longer come from refusals. */
  lost: boolean;
  /** By `warren-copy`: handed over, without the broker's verdict. */
  inFlight: Map<number, Pending>;
  /** How many of them are past their deadline: nobody waits for their verdict any more. */
  overdue: number;
};

/**
 * Publishes on a connection of its own: a broker short of memory stops reading from connections that
 * publish, and acks must not wait behind that. Confirms are pipelined, at most `maxInFlight` at once;
 * further messages wait for a slot. Nothing is ever published twice.
 */
export function rabbitPublisher({
  url,
  name,
  timeoutMs = 5_000,
  maxInFlight = 2_000,
  log,
  metrics,
}: {
  url: string;
  name: string;
  timeoutMs?: number;
  maxInFlight?: number;
  log?: Pick<Logger, "info" | "warn">;
  /** Counts the messages under `name`, which then is a function's. */
  metrics?: Pick<Metrics, "publishing">;
}): RabbitPublisher {
  const connection = rabbitConnection({ url, name, log, onUnblocked: pump });
  const waiting: Pending[] = [];
  let unsettled = 0;
  let heldBytes = 0;
  let open: Open | undefined;
  let opening = false;
  let closed = false;
  let onIdle = () => {};

  async function publish(message: RabbitMessage): Promise<void> {
    const settled = metrics?.publishing({ name });
    try {
      await handOver(message);
      settled?.("confirmed");
    } catch (error) {
      settled?.(resultOf(error));
      throw error;
    }
  }

  function handOver(message: RabbitMessage): Promise<void> {
    if (closed) return Promise.reject(new BrokerUnavailableError(`publisher ${name} is closed`));
    if (heldBytes + costOf(message) > MAX_HELD_BYTES) {
      const text = `${unsettled} messages wait for the broker already`;
      return Promise.reject(new BrokerUnavailableError(text));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => expire(pending), timeoutMs);
      const pending: Pending = {
        message,
        settled: false,
        on: undefined,
        returned: undefined,
        resolve,
        reject,
        timer,
      };
      unsettled += 1;
      heldBytes += costOf(message);
      waiting.push(pending);
      pump();
    });
  }

  /** Hands over what waits, as far as connection, buffer and slots allow. */
  function pump(): void {
    for (;;) {
      dropSettled();
      if (waiting.length === 0 || connection.blocked() || !connection.fresh()) return;
      if (open === undefined) return openChannel();
      if (!open.drained || open.inFlight.size >= maxInFlight) return;
      send(open, waiting.shift()!);
    }
  }

  function send(on: Open, pending: Pending): void {
    const copy = unusedCopy(on);
    const { exchange, routingKey, body } = pending.message;
    const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const options = optionsOf(pending.message, copy);
    try {
      on.drained = on.channel.publish(exchange, routingKey, content, options, (error: unknown) => {
        on.inFlight.delete(copy);
        if (pending.settled) on.overdue -= 1;
        settle(pending, verdict(pending, on, error));
        pump();
      });
    } catch (error) {
      // A field does not fit AMQP (a routing key over 255 bytes): nothing was written.
      settle(pending, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    pending.on = on;
    on.inFlight.set(copy, pending);
  }

  function verdict({ returned, message }: Pending, on: Open, error: unknown): Error | undefined {
    const target = `${message.exchange === "" ? "" : `${message.exchange} / `}${message.routingKey}`;
    if (on.lost) {
      const cause = connection.lastError();
      const text = `the channel was lost before ${target} was confirmed; it may be stored`;
      return new ChannelLostError(text, { cause });
    }
    if (error) return new PublishRefusedError(`the broker refused ${target}: a queue is full`);
    if (returned) return new UnroutableError(`no queue for ${target} (${returned})`);
    return undefined;
  }

  function expire(pending: Pending): void {
    const { on } = pending;
    if (on) {
      const text = `no confirm within ${timeoutMs} ms for ${pending.message.routingKey}; it may be stored`;
      on.overdue += 1;
      settle(pending, new PublishUnknownError(text));
      // All slots belong to messages that were given up: a new channel gets the others going again.
      if (on === open && on.overdue >= maxInFlight) dropChannel(on);
    } else {
      const text = `not published within ${timeoutMs} ms: ${obstacle()}`;
      settle(pending, new BrokerUnavailableError(text, { cause: connection.lastError() }));
      dropSettled();
    }
  }

  function obstacle(): string {
    if (open === undefined) return connection.lastError()?.message ?? "not connected yet";
    if (connection.blocked()) return "the broker blocks publishers (its memory or disk alarm)";
    return `${open.inFlight.size} messages are in flight`;
  }

  function settle(pending: Pending, error: Error | undefined): void {
    if (pending.settled) return;
    pending.settled = true;
    clearTimeout(pending.timer);
    unsettled -= 1;
    heldBytes -= costOf(pending.message);
    if (error) pending.reject(error);
    else pending.resolve();
    if (unsettled === 0) onIdle();
  }

  /** All have the same time to wait, so those that expired stand in front. */
  function dropSettled(): void {
    while (waiting[0]?.settled) waiting.shift();
  }

  function openChannel(): void {
    if (opening) return;
    opening = true;
    connection
      .confirmChannel()
      .then(use, () => {}) // rejects only when closed
      .finally(() => (opening = false));
  }

  function use(channel: ConfirmChannel): void {
    const on: Open = { channel, drained: true, lost: false, inFlight: new Map(), overdue: 0 };
    open = on;
    channel.on("drain", () => {
      on.drained = true;
      pump();
    });
    // The broker sends a returned message back before it confirms it.
    channel.on("return", ({ fields, properties }) => {
      const pending = on.inFlight.get(properties.headers?.[HEADER.copy]);
      if (pending) pending.returned = (fields as { replyText?: string }).replyText ?? "returned";
    });
    channel.on("error", (err) =>
      log?.warn({ connection: name, err }, "the broker closed a channel"),
    );
    // Before amqplib's own listener, which fails every open confirm.
    channel.prependListener("close", () => {
      on.lost = true;
      if (open === on) open = undefined;
    });
    channel.on("close", () => {
      if (open === undefined) openChannel();
    });
    pump();
  }

  function dropChannel(on: Open): void {
    open = undefined;
    on.channel.close().catch(() => {});
    pump();
  }

  function unusedCopy({ inFlight }: Open): number {
    for (;;) {
      const copy = randomInt(1, 2 ** 48);
      if (!inFlight.has(copy)) return copy;
    }
  }

  async function close(): Promise<void> {
    closed = true;
    if (unsettled > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    await connection.close();
  }

  return {
    publish,
    close,
    ready() {
      if (open === undefined) openChannel();
      return open !== undefined && !closed && connection.fresh() && !connection.blocked();
    },
  };
}

function costOf({ body }: RabbitMessage): number {
  return body.byteLength + OVERHEAD_BYTES;
}

function optionsOf(message: RabbitMessage, copy: number): Options.Publish {
  const { headers, contentType, messageId, type, timestamp } = message;
  return {
    persistent: true,
    mandatory: true,
    headers: { ...headers, [HEADER.copy]: copy },
    ...(contentType !== undefined && { contentType }),
    ...(messageId !== undefined && { messageId }),
    ...(type !== undefined && { type }),
    ...(timestamp !== undefined && { timestamp }),
  };
}

function resultOf(error: unknown): PublishResult {
  if (error instanceof PublishRefusedError) return "refused";
  if (error instanceof UnroutableError) return "unroutable";
  if (error instanceof PublishUnknownError) return "unknown";
  if (error instanceof BrokerUnavailableError) return "unavailable";
  return "failed";
}
