import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";

/** `key` goes out as `Idempotency-Key`, `body` as JSON. */
export type WebhookRequest = { key: string; body: unknown };

/** The sink: an HTTP endpoint that takes one request for each event. */
export type Webhook = {
  /** Resolves once the receiver has answered 2xx; throws what `failureOf` says. */
  post(request: WebhookRequest, signal: AbortSignal): Promise<void>;
  /** Throws OutageError unless the receiver can be reached and lets us in. */
  probe(signal: AbortSignal): Promise<void>;
};

const ANSWER_MS = 10_000;

export function webhook({ url, now }: { url: string; now: () => number }): Webhook {
  async function call(request: RequestInit, signal: AbortSignal): Promise<Response> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      // A redirect would make a GET of it: that the address is wrong is an outage.
      const answer = await fetch(url, { ...request, redirect: "manual", signal: limit });
      // Read to its end, the connection is used again.
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
      // Any other answer, such as 404 or 405, may be how it answers HEAD.
      if (DOWN.has(status)) throw new OutageError(`the receiver answered ${status} to a HEAD`);
    },
  };
}

/** This very event is refused for good. */
const REFUSED = new Set([400, 413, 422]);
/** May go well another time, and may have to do with this event: it spends an attempt. */
const RETRIED = new Set([408, 409, 425, 429, 500]);
/** The receiver itself cannot, or will not let us in. */
const DOWN = new Set([401, 403, 500, 502, 503, 504]);

/**
 * What an answer means: each kind of error has its own fate (docs/message-lifecycle.md). A status
 * that is on no list is an outage: a wrong address or a login that expired is no event's fault.
 */
function failureOf(
  { status, headers }: Pick<Response, "status" | "headers">,
  now: number,
): Error | undefined {
  if (status >= 200 && status < 300) return undefined;
  const text = `the receiver answered ${status}`;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (status === 429 && seconds >= 0) return new RetryLaterError(text, now + seconds * 1_000);
  if (REFUSED.has(status)) return new PermanentError(text);
  return RETRIED.has(status) ? new Error(text) : new OutageError(text);
}

/** `fetch failed` says nothing; its cause has a code such as ECONNREFUSED. Never the URL: it may hold a secret. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name: string; cause?: { code?: string } };
  return cause?.code ?? name;
}
