import { Gauge, type Registry } from "prom-client";
import type { QueueReading } from "./readings.ts";

export type QueueGauges = {
  /** Replaces all former values, so that deleted queues disappear. */
  show(queues: readonly QueueReading[]): void;
  /** Removes former values when the broker does not answer, so that they do not look current. */
  unknown(): void;
};

/** What the broker says of its queues, as gauges. On CloudWatch they are all there is for each queue. */
export function queueGauges(registry: Registry): QueueGauges {
  const registers = [registry];
  const up = new Gauge({
    name: "warren_broker_up",
    help: "1 if the broker's management API answered when it was last asked.",
    registers,
  });
  // It would begin at 0, which nobody has seen yet.
  up.remove();
  const perQueue = (suffix: string, help: string, valueOf: (of: QueueReading) => Value) => {
    const name = `warren_queue_${suffix}`;
    return { gauge: new Gauge({ name, help, labelNames: ["queue"], registers }), valueOf };
  };
  const gauges = [
    perQueue("messages_ready", "Messages that wait in a queue.", ({ ready }) => ready),
    perQueue(
      "messages_unacked",
      "Messages that consumers hold and have not settled.",
      ({ unacked }) => unacked,
    ),
    perQueue("consumers", "Consumers of a queue.", ({ consumers }) => consumers),
    perQueue("ready_bytes", "Bytes of the messages that wait.", ({ bytes }) => bytes),
    perQueue("fill_ratio", "How much of its bound a queue holds, 0 to 1.", ({ fill }) => fill),
    perQueue(
      "published_per_second",
      "Messages that come into a queue, as the broker averages them.",
      ({ published }) => published,
    ),
    perQueue(
      "delivered_per_second",
      "Messages that leave a queue for a consumer, as the broker averages them.",
      ({ delivered }) => delivered,
    ),
  ];

  return {
    show(queues) {
      up.set(1);
      for (const { gauge, valueOf } of gauges) {
        gauge.reset();
        for (const one of queues) {
          const value = valueOf(one);
          if (value !== undefined) gauge.set({ queue: one.queue }, value);
        }
      }
    },
    unknown() {
      up.set(0);
      for (const { gauge } of gauges) gauge.reset();
    },
  };
}

type Value = number | undefined;
