import { parserOf } from "../../events/catalogue.ts";
import { type Directory, textOf } from "../../kit/people/directory.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer, Failure } from "../../lib/pipeline/consumer.ts";
import { accepts, type NotifiedEvent } from "./accepts.ts";
import { expand, keysFor } from "./expansion.ts";
import type { Outbox, Outgoing } from "./outbox.ts";
import type { Known } from "./parties.ts";
import { requestOf } from "./request.ts";
import type { ShopRecipients } from "./shop.ts";

export { accepts };

export const name = "notifier";

/**
 * Turns each event into requests to send, one for each channel and recipient. The senders send them. It is
 * repeatable, because the same event always gives requests with the same ids and bytes.
 */
export function notifier({
  directory,
  outbox,
  shop,
}: {
  directory: Pick<Directory, "read">;
  outbox: Outbox;
  shop: ShopRecipients;
}): Consumer {
  return {
    name,
    repeatable: true,
    concurrency: 8,
    parse: parserOf(accepts),
    async apply(received: readonly Received<NotifiedEvent>[], signal) {
      const document = await documentsFor(received, signal);
      const failures: Failure[] = [];
      const outgoing: Outgoing<Received>[] = [];
      for (const each of received) {
        const known: Known = { document, shop: shop(each.event.tenant_id) };
        try {
          for (const notice of expand(each.event, known)) {
            outgoing.push({ owner: each, message: () => requestOf(each.event, notice) });
          }
        } catch (error) {
          failures.push({ received: each, error });
        }
      }
      const unpublished = await outbox.publish(outgoing, signal);
      for (const [each, error] of unpublished) failures.push({ received: each, error });
      return failures;
    },
    async probe(signal) {
      await Promise.all([directory.read([PROBE], signal), outbox.probe()]);
    },
  };

  async function documentsFor(
    received: readonly Received<NotifiedEvent>[],
    signal: AbortSignal,
  ): Promise<Known["document"]> {
    const keys = received.flatMap(({ event }) => keysFor(event));
    const documents = await directory.read(keys, signal);
    const byKey = new Map(keys.map((key, index) => [textOf(key), documents[index]]));
    return (key) => byKey.get(textOf(key));
  }
}

const PROBE = { tenant: "probe", kind: "user", id: "probe" } as const;
