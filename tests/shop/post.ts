import { setMaxListeners } from "node:events";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShopEvent } from "./generator.ts";

type Posting = {
  /** Of ingest, without a path. */
  url: string;
  /** API keys by tenant. */
  keys: ReadonlyMap<string, string>;
  /** In the order of their first attempts. */
  events: Iterable<ShopEvent>;
  /** Requests at a time, each on a connection that is kept. */
  concurrency: number;
  /** At most so many a second; without it as many as are answered. */
  perSecond?: number;
  onAnswer?: (answered: Readonly<Posted>) => void;
  /** Rejects with its reason when it aborts. */
  signal: AbortSignal;
};

export type Posted = {
  /** Events that were answered with 202. */
  accepted: number;
  /** Answers 503, by what they said; each was followed by another attempt with the same id. */
  refused: Record<string, number>;
  /** Attempts without an answer. */
  unanswered: number;
  /** When the accepted attempt was sent, epoch ms; of events that were posted twice the first. */
  sentAt: Map<string, number>;
};

/** The name under which `sentAt` knows an event: the key of its proof in the graph. */
function keyOf({ tenant_id, id, source }: ShopEvent): string {
  return `${tenant_id}#${id}#${source}`;
}

const ANSWER_MS = 20_000;
/** Before the next attempt when nobody answered; else Retry-After says it. ms */
const PAUSE_MS = 500;

/**
 * Posts as a well-behaved producer does: whatever is answered with 503 or not at all is repeated
 * with the same id until it is accepted. Any other answer is a mistake and rejects.
 */
export async function postAll(posting: Posting): Promise<Posted> {
  const { keys, events, concurrency, perSecond, onAnswer, signal } = posting;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const target = new URL("/events", posting.url);
  const posted: Posted = { accepted: 0, refused: {}, unanswered: 0, sentAt: new Map() };
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  // Each request and each pause listens.
  setMaxListeners(0, stop);
  const rest = paced(events, perSecond, stop);

  try {
    await Promise.all(Array.from({ length: concurrency }, lane));
    return posted;
  } finally {
    agent.destroy();
  }

  async function lane(): Promise<void> {
    try {
      for await (const event of rest) await deliver(event);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  }

  async function deliver(event: ShopEvent): Promise<void> {
    const body = Buffer.from(JSON.stringify(event));
    for (;;) {
      stop.throwIfAborted();
      const sentAt = Date.now();
      const pauseMs = await attempt(event, body);
      onAnswer?.(posted);
      if (pauseMs === undefined) {
        const key = keyOf(event);
        if (!posted.sentAt.has(key)) posted.sentAt.set(key, sentAt);
        return;
      }
      await sleep(pauseMs, undefined, { signal: stop });
    }
  }

  /** How long to wait before the next attempt; `undefined` when the event was accepted. */
  async function attempt(event: ShopEvent, body: Buffer): Promise<number | undefined> {
    const key = keys.get(event.tenant_id) ?? "";
    let answer: Answer;
    try {
      answer = await post({ target, agent, key, body, signal: stop });
    } catch {
      stop.throwIfAborted();
      posted.unanswered += 1;
      return PAUSE_MS;
    }
    const { status, text, retryAfter } = answer;
    const { id, code } = JSON.parse(text) as { id?: string; code?: string };
    if (status === 202 && id === event.id) {
      posted.accepted += 1;
      return undefined;
    }
    if (status !== 503 || id !== event.id || !(Number(retryAfter) > 0)) {
      throw new Error(`ingest answered ${event.id} with ${status} ${text}`);
    }
    const why = code ?? "without reason";
    posted.refused[why] = (posted.refused[why] ?? 0) + 1;
    return Number(retryAfter) * 1_000;
  }
}

/** Resolves when ingest knows a key that was just made; rejects after 10 s. */
export async function untilKnown(url: string, key: string): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  for (;;) {
    // Without a body it would be 400: the key is looked at first.
    const { status } = await fetch(new URL("/events", url), { method: "POST", headers, signal });
    if (status !== 401) return;
    await sleep(100, undefined, { signal });
  }
}

type Answer = { status: number | undefined; retryAfter: string | undefined; text: string };

function post({
  target,
  agent,
  key,
  body,
  signal,
}: {
  target: URL;
  agent: Agent;
  key: string;
  body: Buffer;
  signal: AbortSignal;
}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      "content-length": body.byteLength,
    };
    const sent = request(target, { method: "POST", agent, headers, signal, timeout: ANSWER_MS });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        const retryAfter = response.headers["retry-after"];
        resolve({ status: response.statusCode, retryAfter, text });
      });
    });
    sent.end(body);
  });
}

/** Hands out items to whoever asks, at most `perSecond`. */
async function* paced<T>(
  items: Iterable<T>,
  perSecond: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const startedAt = performance.now();
  let count = 0;
  for (const item of items) {
    if (perSecond !== undefined) {
      const due = startedAt + (count / perSecond) * 1_000;
      const early = due - performance.now();
      if (early > 1) await sleep(early, undefined, { signal });
    }
    count += 1;
    yield item;
  }
}
