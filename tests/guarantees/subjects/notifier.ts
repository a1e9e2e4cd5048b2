import type { GetMessage } from "amqplib";
import { MAX_BYTES, MAX_STRING } from "../../../lib/envelope/envelope.ts";
import { drain } from "../../integration/rabbit-vhost.ts";
import { type Around, idOf, produced, sinkWire, type Stage, type Subject } from "../subject.ts";

const QUEUE = "send.email";

export const notifier: Subject = {
  name: "notifier",
  sink: "the senders' queues",
  proof:
    "the same event always gives a request with the same id and bytes, and its sender drops copies: one effect is one such request",
  vow: "once",
  queues: [{ queue: QUEUE, accepts: ["email.requested"] }],
  open,
};

async function open({ broker, url }: Around): Promise<Stage> {
  const requests: GetMessage[] = [];
  const mail = (tenant: string, id: string, data: object = {}) =>
    produced(tenant, id, "notification.email", {
      template: "notification",
      recipient: `${id}@example.org`,
      data,
    });

  return {
    environment: {},
    wire: sinkWire(
      broker,
      (request, tenant) => request.includes("email.requested") && request.includes(tenant),
    ),
    events: async (tenant, count) =>
      Array.from({ length: count }, (_, n) => mail(tenant, idOf(tenant, n))),
    async effects() {
      requests.push(...(await drain(url, QUEUE)));
      const bodies = new Set(requests.map(({ content }) => content.toString()));
      const made = [...bodies].map((body) => {
        const { metadata } = JSON.parse(body) as { metadata: { causation_id: string } };
        return metadata.causation_id;
      });
      return new Map([...Map.groupBy(made, (id) => id)].map(([id, copies]) => [id, copies.length]));
    },
    async refused(tenant) {
      // An event of the maximum size: the request for it would be larger.
      const id = `${tenant}-refused`;
      const long = Array<string>(3).fill("x".repeat(MAX_STRING));
      const rest =
        MAX_BYTES - Buffer.byteLength(JSON.stringify(mail(tenant, id, { long, rest: "" })));
      return { event: mail(tenant, id, { long, rest: "x".repeat(rest) }), reason: "refused" };
    },
    version: async () => "queues of RabbitMQ",
    close: async () => {},
  };
}
