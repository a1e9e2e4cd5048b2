import type { Metrics, PublishResult } from "./metrics.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../rabbit/errors.ts";
import type { RabbitPublisher } from "../rabbit/publisher.ts";

/** The same publisher, with its messages counted under the name of its function. */
export function observedPublisher(
  publisher: RabbitPublisher,
  { name, metrics }: { name: string; metrics: Metrics },
): RabbitPublisher {
  return {
    ...publisher,
    async publish(message) {
      const settled = metrics.publishing({ name });
      try {
        await publisher.publish(message);
        settled("confirmed");
      } catch (error) {
        settled(resultOf(error));
        throw error;
      }
    },
  };
}

function resultOf(error: unknown): PublishResult {
  if (error instanceof PublishRefusedError) return "refused";
  if (error instanceof UnroutableError) return "unroutable";
  if (error instanceof PublishUnknownError) return "unknown";
  if (error instanceof BrokerUnavailableError) return "unavailable";
  return "failed";
}
