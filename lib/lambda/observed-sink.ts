import type { Metrics } from "../metrics.ts";
import type { Consumer } from "../pipeline/consumer.ts";

/**
 * The same consumer, with its sink's outages shown: the pipeline probes a sink only when it holds a
 * batch for it, so a failed probe is the beginning of a hold, and whatever the sink does next its end.
 */
export function observedSink(
  consumer: Consumer,
  { name, metrics }: { name: string; metrics: Metrics },
): Consumer {
  return {
    ...consumer,
    async apply(events, signal) {
      const failures = await consumer.apply(events, signal);
      metrics.sink({ name, down: false });
      return failures;
    },
    async probe(signal) {
      try {
        await consumer.probe(signal);
        metrics.sink({ name, down: false });
      } catch (error) {
        // Interrupted, it says nothing about the sink.
        if (!signal.aborted) metrics.sink({ name, down: true });
        throw error;
      }
    },
  };
}
