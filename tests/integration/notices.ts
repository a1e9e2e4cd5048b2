import { randomUUID } from "node:crypto";
import type { GetMessage } from "amqplib";
import { contracts, parseEvent } from "../../events/catalogue.ts";
import * as contacts from "../../functions/contacts/consumer.ts";
import * as notifier from "../../functions/notifier/consumer.ts";
import { channels } from "../../kit/people/contact.ts";
import type { Envelope } from "../../lib/envelope/envelope.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { drain, newVhost, type Vhost } from "./rabbit-vhost.ts";

const requested = contracts.map(({ type }) => type).filter((type) => type.endsWith(".requested"));

/** Queues of senders that nobody empties. */
const senders = channels.map((channel) => ({
  queue: `send.${channel}`,
  accepts: requested.filter((type) => type.startsWith(`${channel}.`)),
}));

/** A vhost with the queues of contacts, notifier and the senders, and a producer that speaks AMQP to it. */
export type NoticesVhost = Vhost & {
  /** To the exchange `events`, confirmed, one after another. */
  publish: (...events: readonly Envelope[]) => Promise<void>;
  /** Takes the requests that lie in the senders' queues: `<channel> <kind> <recipient>`, sorted. */
  requests: () => Promise<Request[]>;
  /** Messages ready in a queue. */
  depth: (queue: string) => Promise<number>;
};

export type Request = { text: string; id: string; digest: string; bytes: string };

/** `smsLimit`: so many messages fill the queue of the SMS sender. */
export async function noticesVhost({
  retryDelays,
  smsLimit,
}: {
  retryDelays: readonly number[];
  smsLimit?: number;
}): Promise<NoticesVhost> {
  const vhost = await newVhost();
  const at = { url: vhost.url, name: "test" };
  const consumers = [
    { queue: "events.contacts", accepts: contacts.accepts },
    { queue: "events.notifier", accepts: notifier.accepts },
    ...senders,
  ];
  const topology = topologyOf({ consumers, retryDelays });
  const queues = topology.queues.map((queue) =>
    queue.name === "send.sms" && smsLimit !== undefined
      ? { ...queue, arguments: { ...queue.arguments, "x-max-length": smsLimit } }
      : queue,
  );
  await withChannel(at, (channel) => applyTopology(channel, { ...topology, queues }));
  const publisher = rabbitPublisher(at);

  return {
    ...vhost,
    async publish(...events) {
      for (const event of events) {
        const body = Buffer.from(JSON.stringify(event));
        await publisher.publish({ exchange: "events", routingKey: event.type, body });
      }
    },
    async requests() {
      const lying = await Promise.all(senders.map(({ queue }) => drain(vhost.url, queue)));
      return lying
        .flat()
        .map(readRequest)
        .sort((a, b) => (a.text < b.text ? -1 : 1));
    },
    depth: (queue) =>
      withChannel(at, async (channel) => (await channel.checkQueue(queue)).messageCount),
    async remove() {
      await publisher.close();
      await vhost.remove();
    },
  };
}

function readRequest({ content }: Pick<GetMessage, "content">): Request {
  const { event, digest } = parseEvent(content);
  const { kind, to } = event.data as { kind: string; to: Record<string, string> };
  const text = `${event.type.split(".")[0]} ${kind} ${Object.values(to).join()}`;
  return { text, id: event.id, digest, bytes: content.toString() };
}

/** What two expansions of one event must have in common, however they come out of the queues. */
export function bytesOf(requests: readonly Request[]): string[] {
  return requests.map(({ bytes }) => bytes).sort();
}

export function eventOf(
  tenant_id: string,
  type: string,
  data: object,
  changes: Partial<Envelope> = {},
): Envelope {
  return {
    id: `evt-${randomUUID()}`,
    type,
    source: "test",
    timestamp: "2026-11-20T10:00:00.000000Z",
    tenant_id,
    data,
    metadata: { version: "1.0" },
    ...changes,
  };
}
