import type { Received } from "../../lib/envelope/envelope.ts";
import type { Delivery, Forward } from "../../lib/pipeline/message.ts";
import { waitFor, waitsOf } from "../../lib/pipeline/waits.ts";
import type { Bug } from "./bugs.ts";
import { decode, encode, eventText, type Message, type SimulatedEvent } from "./event.ts";
import { more, type World } from "./record.ts";
import type { Owner, Schedule } from "./schedule.ts";

export const RETRY_DELAYS = [5_000, 5_000, 5_000, 5_000, 30_000, 30_000, 30_000, 30_000];
const WAITS = waitsOf(RETRY_DELAYS);

/** One work queue, its retry queues and its dead letters, which `world` keeps. */
export function simulatedBroker({
  world,
  time,
  bug,
  serial,
}: {
  world: World;
  time: Schedule;
  bug: Bug | undefined;
  serial: () => number;
}) {
  const queue: Message[] = [];
  const delayed: { message: Message; due: number }[] = [];
  const { counts } = world.switches;

  function publishFresh(event: SimulatedEvent, generation: number): Message {
    more(world.published, eventText(event));
    return {
      event,
      attempt: 1,
      generation,
      copy: serial(),
      notBefore: undefined,
      deliveryCount: 0,
      suspect: false,
      firstFailedAt: undefined,
    };
  }

  function requeue(messages: readonly Message[]): void {
    queue.unshift(
      ...messages.map((message) => ({ ...message, deliveryCount: message.deliveryCount + 1 })),
    );
  }

  /** As this broker counts: each delivery, only that there was one, or nothing. */
  function delivered(message: Message): Delivery {
    const times = message.deliveryCount;
    const counted = counts === "each" ? times : counts === "redelivered" ? Math.min(times, 1) : 0;
    return encode({ ...message, deliveryCount: counted });
  }

  function deliverDue(): void {
    for (let index = delayed.length - 1; index >= 0; index--) {
      if (delayed[index]!.due <= time.now())
        queue.push(...delayed.splice(index, 1).map(({ message }) => message));
    }
  }

  function carry(delivery: Delivery, changes: Partial<Message>): Message {
    const { body, ...rest } = delivery;
    const event = decode(JSON.parse(Buffer.from(body).toString()) as Received);
    return { ...rest, event, copy: serial(), deliveryCount: 0, ...changes };
  }

  function forwardOf(owner: Owner): Forward {
    return {
      retry: (delivery, { delayMs, ...changes }) => {
        const { attempt } = changes;
        const forgets = bug === "defer forgets suspicion" ? { suspect: false } : {};
        const copy = carry(delivery, { ...changes, ...forgets });
        const label = `publish ${eventText(copy.event)} attempt ${attempt}`;
        return time.io({ owner, label, ids: [copy.event.id] }, () => {
          more(world.published, eventText(copy.event));
          if (attempt > delivery.attempt) world.spent.add(eventText(copy.event));
          delayed.push({ message: copy, due: time.now() + waitFor(delayMs, WAITS) });
        });
      },
      deadLetter: (delivery, { reason }) => {
        const message = carry(delivery, {});
        const label = `dead-letter ${eventText(message.event)}: ${reason}`;
        return time.io({ owner, label, ids: [message.event.id] }, () => {
          world.dead.push({ message, reason });
        });
      },
    };
  }

  const dues = () => delayed.map(({ due }) => due);
  return { queue, publishFresh, requeue, delivered, deliverDue, dues, forwardOf };
}
