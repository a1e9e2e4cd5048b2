import type { Logger } from "../../lib/log.ts";
import { ManagementError } from "../../lib/rabbit/management.ts";
import type { QueueGauges } from "./gauges.ts";
import { MAX_QUEUES, readQueues } from "./readings.ts";

/** Asks the broker once and reports the result, also if the broker does not answer. */
export async function reportQueues({
  broker,
  gauges,
  log,
}: {
  broker: { url: string; managementUrl: string };
  gauges: QueueGauges;
  log: Pick<Logger, "warn" | "error">;
}): Promise<void> {
  try {
    const { queues, total } = await readQueues(broker);
    gauges.show(queues);
    if (total > MAX_QUEUES) {
      log.warn(
        { total, shown: MAX_QUEUES },
        "more queues than are shown: give Warren its own vhost",
      );
    }
  } catch (err) {
    if (!(err instanceof ManagementError)) throw err;
    gauges.unknown();
    log.error({ err }, "the broker does not tell about its queues");
  }
}
