import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";

/** `key` is sent as `Idempotency-Key`, `body` as JSON. */
export type WebhookRequest = { key: string; body: unknown };

/** The sink: an HTTP endpoint that takes one request for each event. */
export type Webhook = {
  /** Resolves once the receiver has answered 2xx; else throws the error of `failureOf`. */
  post(request: WebhookRequest, signal: AbortSignal): Promise<void>;
  /** Throws OutageError if the receiver is unreachable or refuses access. */
  probe(signal: AbortSignal): Promise<void>;
};

const ANSWER_MS = 10_000;

export function webhook({ url, now }: { url: string; now: () => number }): Webhook {
  async function call(request: RequestInit, signal: AbortSignal): Promise<Response> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      // Following a redirect would turn the POST into a GET. A wrong address is an outage.
      const answer = await fetch(url, { ...request, redirect: "manual", signal: limit });
      // Read the answer to its end, so that the connection can be reused.
      await answer.arrayBuffer();
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      throw new OutageError(`the receiver cannot be reached: ${causeOf(error)}`);
    }
  }

  return {
    async post({ key, body }, signal) {
      const headers = { "content-type": "application/json", "idempotency-key": key };
      const request = { method: "POST", headers, body: JSON.stringify(body) };
      const failure = failureOf(await call(request, signal), now());
      if (failure !== undefined) throw failure;
    },
    async probe(signal) {
      const { status } = await call({ method: "HEAD" }, signal);
      // Any other answer, such as 404 or 405, may only mean that HEAD is unsupported.
      if (DOWN.has(status)) throw new OutageError(`the receiver answered ${status} to a HEAD`);
    },
  };
}

/** The receiver refuses this event permanently. */
const REFUSED = new Set([400, 413, 422]);
/** A retry may succeed, and the event may be the cause, so the failure costs an attempt. */
const RETRIED = new Set([408, 409, 425, 429, 500]);
/** The receiver is down or refuses access. */
const DOWN = new Set([401, 403, 500, 502, 503, 504]);

/**
 * The error for a status: each kind of error has other consequences (docs/message-lifecycle.md). A status
 * on no list is an outage: a wrong address or an expired login is not the fault of an event.
 */
function failureOf(
  { status, headers }: Pick<Response, "status" | "headers">,
  now: number,
): Error | undefined {
  if (status >= 200 && status < 300) return undefined;
  const text = `the receiver answered ${status}`;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if ((status === 429 || status === 503) && seconds >= 0) {
    return new RetryLaterError(text, now + seconds * 1_000);
  }
  if (REFUSED.has(status)) return new PermanentError(text);
  return RETRIED.has(status) ? new Error(text) : new OutageError(text);
}

/** The cause of `fetch failed` has a code such as ECONNREFUSED. Never returns the URL: it may hold a secret. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name: string; cause?: { code?: string } };
  return cause?.code ?? name;
}
