import { type ClientRequest, type IncomingMessage, request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { text } from "node:stream/consumers";
import {
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../lib/pipeline/errors.ts";

type Request = {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | undefined;
  /** A second request does no harm, so that one without an answer is an outage. Default: a GET. */
  repeatable?: boolean;
  /** From the connection to the last byte of the answer, ms. Default: 15 s. */
  answerMs?: number;
  /** Bytes of the answer. Default: 1 MB. */
  maxAnswer?: number;
};
export type Answer = {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
};

/**
 * Sends a request. One that is not repeatable gets a new connection: an idle one may be dead, and then
 * nobody can tell whether the request arrived. Throws OutageError if the other side got nothing, and
 * UncertainError if it may have got a request that is not repeatable. Both texts hold only the failure's
 * code, because a URL may hold a secret.
 */
export async function exchange(request: Request, signal: AbortSignal): Promise<Answer> {
  if (signal.aborted) throw new OutageError("stopped before anything was sent");
  const { method, headers, body, answerMs = 15_000, maxAnswer = 1_000_000 } = request;
  const { repeatable = method === "GET" } = request;
  const url = new URL(request.url);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const open = url.protocol === "https:" ? overHttps : overHttp;
  let connected = false;

  try {
    const sent = open(url, {
      method,
      headers: { ...headers, ...length },
      // Node's own agent keeps connections open.
      ...(!repeatable && { agent: false }),
      signal: limit,
    });
    const secured = url.protocol === "https:" ? "secureConnect" : "connect";
    sent.once("socket", (socket) => socket.once(secured, () => (connected = true)));
    const answer = await answerOf(sent, body);
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      text: await read(answer, maxAnswer),
    };
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    if (!connected) throw new OutageError(`cannot be reached: ${code ?? name}`);
    const Unanswered = repeatable ? OutageError : UncertainError;
    throw new Unanswered(`no answer: ${code ?? name}`);
  }
}

/** Which statuses mean what, besides those that mean the same everywhere (`failureOf`). */
export type Dialect = {
  /** A wrong login or address, and what the provider documents as not accepted: no message's fault. */
  outages: readonly number[];
  /** ms, as the other side says it in its own way; beside `Retry-After`. */
  retryAfterMs?: (answer: Answer) => number | undefined;
};

/** Too slow, too early, too many: none of these was acted upon. */
const LATER = new Set([408, 425, 429]);
/** For those, where nobody says how long, ms. */
const RETRY_LATER_MS = 30_000;

/**
 * What an answer means: undefined if the message was taken. What the dialect calls an outage refuses
 * everything; a 503 that says for how long, only until then (RFC 9110, section 10.2.3). Any other 5xx
 * may come from a proxy, after the whole body was sent: the message may have arrived.
 */
export function failureOf(answer: Answer, now: number, dialect: Dialect): Error | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const said = `answered ${status}`;
  const wait = dialect.retryAfterMs?.(answer) ?? retryAfterMs(answer.headers["retry-after"], now);
  if (LATER.has(status) || (status === 503 && wait !== undefined)) {
    return new RetryLaterError(said, now + (wait ?? RETRY_LATER_MS));
  }
  if (dialect.outages.includes(status)) return new OutageError(said);
  if (status >= 500) return new UncertainError(said);
  // A redirect is a wrong address.
  return status >= 400 ? new PermanentError(said) : new OutageError(said);
}

/** The header `Retry-After` in ms from `now` on: seconds or a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function answerOf(sent: ClientRequest, body: Request["body"]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once("response", resolve).once("error", reject);
    sent.end(body);
  });
}

async function read(answer: IncomingMessage, maxBytes: number): Promise<string> {
  let size = 0;
  answer.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) answer.destroy(new Error("the answer is too long"));
  });
  return text(answer);
}
