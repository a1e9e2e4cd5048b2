import webpush from "web-push";
import { NotNowError, OutageError, PermanentError } from "../../lib/pipeline/errors.ts";
import { type Dialect, exchange, failureOf } from "../../kit/http-client.ts";
import type { PushSubscription } from "../../kit/people/contact.ts";
import { nameOf, type Transport } from "../../kit/sending/transport.ts";

/** The browser took its subscription back, or it has expired (RFC 8030, section 7.3). */
export class GoneError extends PermanentError {
  override name = "GoneError";
}

/**
 * 401: our signature is refused; 403 is about one subscription, which was made for another key. 503: the push
 * services of Firefox and Chrome document it as "retry with backoff".
 */
const DIALECT: Dialect = { outages: [401, 503] };

/** How long a push service keeps a message for a device that is off, s. */
const KEPT = 86_400;

/** Origins that are remembered: more than there are push services. */
const MAX_KNOWN = 1_000;

/** Web Push (RFC 8030) with VAPID (RFC 8292), encrypted for the browser (RFC 8291). */
export function webPush({
  vapid,
  services,
  now,
}: {
  /** `subject`: `mailto:` or `https:`, for the push service's operators. */
  vapid: { subject: string; publicKey: string; privateKey: string };
  /** Hosts that are posted to, and their subdomains: endpoints come from outside. */
  services: readonly string[];
  /** Epoch ms. */
  now: () => number;
}): Transport<PushSubscription> {
  const { subject, publicKey, privateKey } = vapid;
  // Throws for keys that are none: at the start, and not at each message.
  webpush.getVapidHeaders("https://example.com", subject, publicKey, privateKey, "aes128gcm");
  /** Origins that have answered: whatever is silent there is a push service. */
  const known = new Set<string>();
  /** Of the push service that failed last: the one to ask whether it is back. */
  let silent: string | undefined;

  return {
    async send(message, signal) {
      const { to, content } = message;
      if (!isServedBy(to.endpoint, services)) {
        throw new PermanentError("the subscription is at no known push service");
      }
      const name = nameOf(message);
      // On a device, and while it is off, a message of the same name replaces the one before it.
      const text = { title: content.subject ?? "", body: content.text, tag: name };
      const { endpoint, headers, body } = detailsOf(to, JSON.stringify(text), {
        vapidDetails: vapid,
        TTL: KEPT,
        topic: name,
      });
      const { origin, hostname } = new URL(endpoint);
      try {
        const answer = await exchange({ method: "POST", url: endpoint, headers, body }, signal);
        if (known.size < MAX_KNOWN) known.add(origin);
        if (answer.status === 404 || answer.status === 410) {
          throw new GoneError(`answered ${answer.status}: the subscription is gone`);
        }
        const failure = failureOf(answer, now(), DIALECT);
        if (failure !== undefined) throw failure;
      } catch (error) {
        if (!(error instanceof OutageError)) throw error;
        // Anybody can subscribe from a host that never was: it must not hold everybody's messages.
        if (!known.has(origin) && !services.includes(hostname))
          throw new NotNowError(error.message);
        silent = origin;
        throw error;
      }
    },
    async probe(signal) {
      if (silent === undefined) return;
      // Whatever it answers, it answers.
      const { status } = await exchange({ method: "GET", url: silent, headers: {} }, signal);
      if (status === 503) throw new OutageError(`answered ${status}`);
    },
    close: async () => {},
  };
}

/** Keys that are no points of the curve are the subscription's fault. */
function detailsOf(
  { endpoint, keys }: PushSubscription,
  payload: string,
  options: webpush.RequestOptions,
): { endpoint: string; headers: Record<string, string>; body: Uint8Array } {
  try {
    const made = webpush.generateRequestDetails({ endpoint, keys }, payload, options);
    const headers = Object.entries(made.headers).map(([name, value]) => [name, String(value)]);
    return { endpoint, headers: Object.fromEntries(headers), body: made.body };
  } catch {
    throw new PermanentError("the subscription's keys are none, or the message is too long");
  }
}

/** Over TLS and its own port, but for this machine. */
function isServedBy(endpoint: string, services: readonly string[]): boolean {
  const url = URL.parse(endpoint);
  if (url === null) return false;
  const { protocol, hostname, port } = url;
  const isSafe =
    (protocol === "https:" && port === "") || (protocol === "http:" && hostname === "127.0.0.1");
  return isSafe && services.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}
