import { parserOf } from "../../events/catalogue.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import { inParallel } from "../../lib/async/in-parallel.ts";
import type { Consumer, Failure } from "../../lib/pipeline/consumer.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { accepts, type Accepted } from "./accepts.ts";
import { requestOf } from "./request.ts";
import type { Webhook } from "./webhook.ts";

export { accepts };

/** The function's name in serverless.yml, and the consumer's name in the ledger. */
export const name = "function-template";

/** Maximum number of concurrent requests. */
const CONCURRENCY = 8;

/** Posts each event to a webhook. */
export function functionTemplateConsumer(webhook: Webhook): Consumer {
  return {
    name,
    // Whether an event may be applied twice. After a crash or a lost answer, Warren sends an event again.
    // True here: the receiver must ignore an `Idempotency-Key` that it has already seen.
    // With false, Warren claims and sends each event alone, and the consumer also needs `whenUncertain`:
    // what to do with an event that may have been sent.
    repeatable: true,
    concurrency: CONCURRENCY,
    parse: parserOf(accepts),
    async apply(events: readonly Received<Accepted>[], signal) {
      const failures: Failure[] = [];
      await inParallel(events, CONCURRENCY, async (received) => {
        try {
          await webhook.post(requestOf(received.event), signal);
        } catch (error) {
          // The other events would fail too: Warren holds the batch until `probe` succeeds.
          if (error instanceof OutageError) throw error;
          failures.push({ received, error });
        }
      });
      return failures;
    },
    probe: (signal) => webhook.probe(signal),
  };
}
