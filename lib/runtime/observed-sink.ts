import type { Logger } from "../log.ts";
import type { Metrics } from "./metrics.ts";
import type { Consumer } from "../pipeline/consumer.ts";

/**
 * The same consumer, with its sink's outages shown: the pipeline probes a sink only when it holds a
 * batch for it, so a failed probe is the beginning of a hold, and whatever the sink does next its end.
 * Both are logged, once each: a batch that outlasts its outage leaves no other word of it.
 */
export function observedSink(
  consumer: Consumer,
  { name, metrics, log }: { name: string; metrics: Metrics; log: Pick<Logger, "info" | "warn"> },
): Consumer {
  let down = false;

  function answered(): void {
    metrics.sink({ name, down: false });
    if (down) log.info({ function: name }, "the sink answers again");
    down = false;
  }

  return {
    ...consumer,
    async apply(events, signal) {
      const failures = await consumer.apply(events, signal);
      answered();
      return failures;
    },
    async probe(signal) {
      try {
        await consumer.probe(signal);
        answered();
      } catch (error) {
        // Interrupted, it says nothing about the sink.
        if (!signal.aborted) {
          metrics.sink({ name, down: true });
          if (!down) log.warn({ function: name, err: error }, "the sink does not answer");
          down = true;
        }
        throw error;
      }
    },
  };
}
