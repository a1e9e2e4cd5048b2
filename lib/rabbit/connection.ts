import type { Socket } from "node:net";
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from "amqplib";
import type { Logger } from "../log.ts";
import { backoff, pauseSince, sleep } from "../async/sleep.ts";
import { messageOf } from "../error-text.ts";
import { within } from "../async/deadline.ts";
import { BrokerUnavailableError } from "./errors.ts";

/** Unless the URL has another, as in `?heartbeat=30` (seconds). */
const HEARTBEAT_MS = 10_000;
const CONNECT_MS = 10_000;
const CHANNEL_MS = 5_000;
const CLOSE_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;
const ATTEMPT_MS = LAST_PAUSE_MS + CONNECT_MS;

export type RabbitConnection = {
  /**
   * A new channel, on a connection that is opened when there is none. Tries until it succeeds, with
   * growing pauses; rejects with the signal's reason, or BrokerUnavailableError after close().
   */
  channel(signal?: AbortSignal): Promise<Channel>;
  confirmChannel(signal?: AbortSignal): Promise<ConfirmChannel>;
  /** Short of memory or disk, the broker reads nothing from connections that published. */
  blocked(): boolean;
  /**
   * False when the process was stopped (a frozen Lambda environment) longer than the broker waits:
   * the connection is then cut, its channels close at once, and nothing may be written to it.
   */
  fresh(): boolean;
  /** Why the last attempt failed or the last connection was lost, for error messages. */
  lastError(): Error | undefined;
  /** Closes within 5 s, by force if the broker does not answer. */
  close(): Promise<void>;
};

/**
 * A connection that is opened on first use and again after every loss. `name` shows in the
 * management UI. `url` is `amqp://` or `amqps://`; it is never logged.
 *
 * amqplib's own recovery (2.x) is not used: an attempt has no deadline there, a failure while a
 * connection is being set up is an unhandled "error" event, and closing waits for a dead peer.
 */
export function rabbitConnection({
  url,
  name,
  log,
  onUnblocked = () => {},
  now = Date.now,
  random = Math.random,
}: {
  url: string;
  name: string;
  log?: Pick<Logger, "info" | "warn"> | undefined;
  onUnblocked?: () => void;
  now?: () => number;
  random?: () => number;
}): RabbitConnection {
  const closing = new AbortController();
  const channels = new Set<Channel>();
  let current: Promise<ChannelModel> | undefined;
  let fresh = () => true;
  let blocked = false;
  const pauses = backoff({ firstMs: FIRST_PAUSE_MS, lastMs: LAST_PAUSE_MS, random });
  let failures = 0;
  let lastError: Error | undefined;

  /** The living connection, or the one attempt to make it that all callers share. */
  function connected(): Promise<ChannelModel> {
    if (current !== undefined) return current;
    const attempt: Promise<ChannelModel> = open(() => forget(attempt));
    attempt.catch(() => forget(attempt));
    current = attempt;
    return attempt;
  }

  function forget(attempt: Promise<ChannelModel>): void {
    if (current === attempt) current = undefined;
  }

  async function open(onClose: () => void): Promise<ChannelModel> {
    if (failures > 0) await sleep(pauses.next(), closing.signal);
    const model = await openWithin(CONNECT_MS, url, name, closing.signal);
    const openedAt = now();
    const frozen = freezeDetector(model, now);

    fresh = () => !frozen();
    model.on("blocked", (reason) => {
      blocked = true;
      log?.warn({ connection: name, reason }, "the broker blocks publishers");
    });
    model.on("unblocked", () => {
      blocked = false;
      log?.info({ connection: name }, "the broker takes messages again");
      onUnblocked();
    });
    // "close" follows every "error" and carries it.
    model.on("error", () => {});
    model.on("close", (error) => {
      onClose();
      blocked = false;
      fresh = () => true;
      socketOf(model).destroySoon();
      // One that is lost as soon as it is made counts as a failed attempt.
      const lasted = now() - openedAt > LAST_PAUSE_MS;
      failures = lasted ? 0 : failures + 1;
      if (lasted) pauses.reset();
      if (closing.signal.aborted) return;
      lastError = error;
      log?.warn({ connection: name, err: error }, "lost the broker");
    });
    log?.info({ connection: name }, "connected to the broker");
    return model;
  }

  async function untilOpen<C extends Channel>(
    make: (model: ChannelModel) => Promise<C>,
    signal: AbortSignal | undefined,
  ): Promise<C> {
    const stop = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
    // Who asks because a channel closed asks a moment before the lost connection itself is told.
    await Promise.resolve();
    for (;;) {
      stop.throwIfAborted();
      let model: ChannelModel | undefined;
      const attempt = connected();
      try {
        model = await within(ATTEMPT_MS, "connecting to the broker", attempt, stop);
        const channel = await within(CHANNEL_MS, "opening a channel", make(model), stop);
        channels.add(channel);
        // Its "close" follows; without a listener the process would end here.
        channel.on("error", () => {});
        channel.on("close", () => channels.delete(channel));
        return channel;
      } catch (error) {
        stop.throwIfAborted();
        // A connection on which no channel can be opened is of no use: the next attempt makes another.
        // Its "close" may have come before anybody listened.
        if (model) {
          cut(model, "no channel could be opened");
          forget(attempt);
        }
        failures += 1;
        lastError = error instanceof Error ? error : new Error(String(error));
        log?.warn({ connection: name, err: lastError, failures }, "cannot reach the broker");
      }
    }
  }

  async function close(): Promise<void> {
    if (closing.signal.aborted) return;
    const last = current;
    closing.abort(new BrokerUnavailableError(`connection ${name} was closed`));
    const model = await last?.catch(() => undefined);
    if (model) await closeOrCut(model, channels);
  }

  return {
    channel: (signal) => untilOpen((model) => model.createChannel(), signal),
    confirmChannel: (signal) => untilOpen((model) => model.createConfirmChannel(), signal),
    blocked: () => blocked,
    fresh: () => fresh(),
    lastError: () => lastError,
    close,
  };
}

/**
 * Runs `work` on a channel of its own connection and closes both: for tools and checks at start.
 * Once it resolves, what `work` published and acked has reached the broker. One attempt: rejects with BrokerUnavailableError when the broker cannot be reached.
 */
export async function withChannel<T>(
  { url, name }: { url: string; name: string },
  work: (channel: ConfirmChannel) => Promise<T>,
): Promise<T> {
  const model = await openWithin(CONNECT_MS, url, name).catch((cause: unknown) => {
    throw new BrokerUnavailableError(`cannot reach the broker: ${messageOf(cause)}`, { cause });
  });
  // Whatever waits for an answer rejects with the same error.
  model.on("error", () => {});
  let channel: ConfirmChannel | undefined;
  try {
    const opening = model.createConfirmChannel();
    channel = await within(CHANNEL_MS, "opening a channel", opening);
    channel.on("error", () => {});
    const result = await work(channel);
    await within(CLOSE_MS, "closing the channel", channel.close());
    return result;
  } finally {
    await closeOrCut(model, channel ? [channel] : []);
  }
}

/** Channels first: amqplib lets the closing of a connection overtake the acks its channels still hold. */
async function closeOrCut(model: ChannelModel, channels: Iterable<Channel>): Promise<void> {
  const { promise: lost, resolve } = Promise.withResolvers<void>();
  model.on("close", () => resolve());
  const closeAll = async () => {
    await Promise.allSettled([...channels].map((channel) => channel.close()));
    await model.close();
  };
  try {
    await within(CLOSE_MS, "closing the connection", Promise.race([closeAll(), lost]));
  } catch {
    cut(model, "the broker did not answer our close");
  }
}

async function openWithin(
  ms: number,
  url: string,
  name: string,
  signal?: AbortSignal,
): Promise<ChannelModel> {
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat")) {
    address.searchParams.set("heartbeat", String(HEARTBEAT_MS / 1_000));
  }
  const clientProperties = { connection_name: name };
  const attempt = connect(address.href, { timeout: ms, noDelay: true, clientProperties });
  try {
    return await within(ms, "connecting to the broker", attempt, signal);
  } catch (error) {
    // An attempt that succeeds after all must not leave a connection behind.
    attempt.then(
      (model) => cut(model, "too late"),
      () => {},
    );
    throw error;
  }
}

/**
 * Tells whether the process stood still for too long; if so the connection is cut. The broker hangs up
 * after two heartbeats without a frame, and our last frame may be one old when the process stops: after a
 * pause of another nobody may be listening any more.
 */
function freezeDetector(model: ChannelModel, now: () => number): () => boolean {
  const heartbeatMs = heartbeatOf(model) * 1_000 || HEARTBEAT_MS;
  const pauseOf = pauseSince(now);
  let frozen = false;

  const check = () => {
    const pause = pauseOf();
    if (!frozen && pause > heartbeatMs) {
      frozen = true;
      cut(model, `the process stood still for ${Math.round(pause / 1_000)} s`);
    }
    return frozen;
  };
  const timer = setInterval(check, heartbeatMs / 2).unref();
  model.on("close", () => clearInterval(timer));
  return check;
}

/** amqplib itself cannot end a connection whose peer has gone: its close waits for the answer. */
function cut(model: ChannelModel, why: string): void {
  model.on("error", () => {});
  socketOf(model).destroy(new Error(why));
}

/** What both sides agreed on, in seconds; 0: none. */
function heartbeatOf(model: ChannelModel): number {
  return (model.connection as unknown as { heartbeat: number }).heartbeat;
}

function socketOf(model: ChannelModel): Socket {
  return (model.connection as unknown as { stream: Socket }).stream;
}
