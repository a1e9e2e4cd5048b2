import type { Received } from "../../lib/envelope/envelope.ts";
import type { OnceConsumer } from "../../lib/pipeline/consumer.ts";
import { UncertainError } from "../../lib/pipeline/errors.ts";
import type { Templates } from "./templates.ts";
import type { Pace } from "./pace.ts";
import type { Recipients, Request, Skipped } from "./recipients.ts";
import type { Message, Transport } from "./transport.ts";

/**
 * A channel. Each request becomes one message to one recipient, which is sent at most once or reported as
 * uncertain. Recipient, text and time are decided before the send is marked as begun. The transport's errors
 * tell the result.
 */
export function sender<To>({
  name,
  concurrency,
  whenUncertain,
  parse,
  recipients,
  templates,
  transport,
  pace,
  onSkipped,
}: {
  name: string;
  concurrency: number;
  whenUncertain: OnceConsumer["whenUncertain"];
  parse: (body: Uint8Array) => Received<Request>;
  recipients: Recipients<To>;
  templates: Templates;
  transport: Transport<To>;
  pace: Pace;
  onSkipped: (skipped: { kind: string; why: Skipped }) => void;
}): OnceConsumer {
  const ready = new WeakMap<Received, Message<To>>();
  /** The result of the last send is unknown: the next send first probes the other side. */
  let doubtful = false;

  return {
    name,
    repeatable: false,
    concurrency,
    whenUncertain,
    parse,
    laneOf: (received: Received<Request>) =>
      JSON.stringify([received.event.tenant_id, received.event.data.to]),

    async beforeSend(received: Received<Request>, signal) {
      const { id, source, tenant_id: tenant, data: request } = received.event;
      const { kind, template, data } = request;
      const recipient = await recipients.find(received.event, signal);
      if (typeof recipient === "string") {
        onSkipped({ kind, why: recipient });
        return "nothing to send";
      }
      const { to, name: named, locale } = recipient;
      const content = templates.render({ tenant, template, locale, data });
      if (doubtful) await transport.probe(signal);
      doubtful = false;
      const message = { id, source, tenant, kind, to, recipient: named, content };
      await pace.turn(message, signal);
      ready.set(received, message);
      return "send";
    },

    async apply([received], signal) {
      const message = received && ready.get(received);
      if (message === undefined) throw new Error("a message is sent before it was made ready");
      try {
        await transport.send(message, signal);
      } catch (error) {
        doubtful = error instanceof UncertainError;
        pace.failed(message, error);
        throw error;
      }
      pace.sent(message);
      return [];
    },

    async probe(signal) {
      await recipients.probe(signal);
      await transport.probe(signal);
    },
  };
}
