import type { Received } from "../envelope.ts";
import type { Consumer } from "../pipeline/consumer.ts";
import { UncertainError } from "../pipeline/errors.ts";
import type { Templates } from "../rendering/templates.ts";
import type { Pace } from "./pace.ts";
import type { Message, Transport } from "./transport.ts";

/** What an event asks for: words, and somebody to say them to. */
export type Request = {
  /** Why, such as `order.confirmed`; what a recipient may have opted out of. */
  kind: string;
  template: string;
  data: Record<string, unknown>;
};

/** Where somebody is reached on this channel, in which language. */
export type Recipient<To> = {
  to: To;
  /** As the request named him: a user's id, or the address itself. */
  name: string;
  locale: string | undefined;
};

/** Why nothing was sent although nothing went wrong. */
export type Skipped = "opted out" | "gone" | "expanded";

/**
 * A channel: each request becomes one message to one recipient, sent at most once, or reported as
 * uncertain. Whom to write to, in which words and when is settled before the send is marked as
 * begun; the transport's errors say what became of it.
 */
export function sender<To>({
  name,
  concurrency,
  whenUncertain,
  parse,
  requestOf,
  recipientOf,
  templates,
  transport,
  pace,
  onSkipped,
}: {
  name: string;
  concurrency: number;
  whenUncertain: Consumer["whenUncertain"];
  parse: Consumer["parse"];
  requestOf: (received: Received) => Request;
  /** Throws for somebody who is not known (yet): retried, then a dead letter. */
  recipientOf: (received: Received, signal: AbortSignal) => Promise<Recipient<To> | Skipped>;
  templates: Templates;
  transport: Transport<To>;
  pace: Pace;
  onSkipped: (skipped: { kind: string; why: Skipped }) => void;
}): Consumer {
  const ready = new WeakMap<Received, Message<To>>();
  /** The last send has no known end: the next one asks first whether anybody is there. */
  let doubtful = false;

  return {
    name,
    repeatable: false,
    concurrency,
    whenUncertain,
    parse,

    async beforeSend(received, signal) {
      const { id, tenant_id: tenant } = received.event;
      const { kind, template, data } = requestOf(received);
      const recipient = await recipientOf(received, signal);
      if (typeof recipient === "string") {
        onSkipped({ kind, why: recipient });
        return "nothing to send";
      }
      const { to, name: named, locale } = recipient;
      const content = templates.render({ tenant, template, locale, data });
      if (doubtful) await transport.probe(signal);
      doubtful = false;
      await pace.turn(signal);
      ready.set(received, { id, tenant, kind, to, recipient: named, content });
      return "send";
    },

    async apply([received], signal) {
      const message = received && ready.get(received);
      if (message === undefined) throw new Error("a message is sent before it was made ready");
      try {
        await transport.send(message, signal);
      } catch (error) {
        doubtful = error instanceof UncertainError;
        pace.failed(error);
        throw error;
      }
      return [];
    },

    probe: (signal) => transport.probe(signal),
  };
}
