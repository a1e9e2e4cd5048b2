import { parserOf } from "../../events/catalogue.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import { inParallel } from "../../lib/async/in-parallel.ts";
import type { Consumer, Failure } from "../../lib/pipeline/consumer.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { accepts, type Accepted } from "./accepts.ts";
import { requestOf } from "./request.ts";
import type { Webhook } from "./webhook.ts";

export { accepts };

/** As serverless.yml calls the function, and the ledger its rows. */
export const name = "function-template";

/** How many requests run at once. */
const CONCURRENCY = 8;

/** Posts each event to a webhook. */
export function functionTemplateConsumer(webhook: Webhook): Consumer {
  return {
    name,
    // Whether an event may be applied twice. Crashes and lost answers make that happen now and then,
    // and only the other side can tell: true here, because the receiver is to drop a key it has seen.
    // With false each event is claimed and sent alone, and the consumer also needs `whenUncertain`:
    // what becomes of one that may or may not have gone out.
    repeatable: true,
    concurrency: CONCURRENCY,
    parse: parserOf(accepts),
    async apply(events: readonly Received<Accepted>[], signal) {
      const failures: Failure[] = [];
      await inParallel(events, CONCURRENCY, async (received) => {
        try {
          await webhook.post(requestOf(received.event), signal);
        } catch (error) {
          // The others would fail alike: the batch is held until `probe` succeeds.
          if (error instanceof OutageError) throw error;
          failures.push({ received, error });
        }
      });
      return failures;
    },
    probe: (signal) => webhook.probe(signal),
  };
}
