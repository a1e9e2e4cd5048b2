import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve, type ServerType } from "@hono/node-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import type * as z from "zod";
import { aliases } from "../../events/aliases.ts";
import {
  contracts,
  type EventType,
  internalTypes,
  parseEvent,
  parserOf,
} from "../../events/catalogue.ts";
import type { Contract } from "../../events/contract.ts";
import { createApp } from "../../functions/ingest/app.ts";
import { eventIds } from "../../functions/ingest/accept.ts";
import { readConsumers } from "../../infra/rabbitmq/consumers.ts";
import { createMetrics } from "../../lib/runtime/metrics.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { UNCONSUMED } from "../../lib/rabbit/names.ts";
import { rabbitPublisher, type RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { drain, newVhost, type Vhost } from "./rabbit-vhost.ts";

type Sample = { type: string; version: string; data: object; becomes: EventType };

/** Each type in each version, and each alias with the data of what it stands for. */
const samples: Sample[] = (contracts as readonly Contract<EventType, z.ZodType>[]).flatMap(
  ({ type, version, sample, older = [] }) => [
    { type, version, data: sample as object, becomes: type },
    ...older.map((one) => ({ type, version: one.version, data: one.sample, becomes: type })),
    ...[...aliases]
      .filter(([, named]) => named === type)
      .map(([alias]) => ({ type: alias, version, data: sample as object, becomes: type })),
  ],
);
const idOf = ({ type, version }: Sample) => `${type}-${version}`;
const isInternal = ({ type }: Sample) => internalTypes.has(type);

const consumers = await readConsumers();
let vhost: Vhost;
let publisher: RabbitPublisher;
let server: ServerType;

beforeAll(async () => {
  vhost = await newVhost();
  // Of all functions of serverless.yml, none of which runs: what they are given stays to be seen.
  const topology = topologyOf({ consumers, retryDelays: [1_000] });
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topology),
  );
  publisher = rabbitPublisher({ url: vhost.url, name: "samples-test" });
  const app = createApp({
    publisher,
    keys: { tenantOf: () => "shop" },
    metrics: createMetrics(),
    log: { warn: console.warn, error: console.error },
    newId: eventIds(Date.now),
    now: Date.now,
    bodyTimeoutMs: 5_000,
  });
  server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
});

afterAll(async () => {
  server?.close();
  await publisher?.close();
  await vhost?.remove();
});

test("every sample posted reaches each queue whose function accepts it, and no other", async () => {
  const admitted = samples.filter((each) => !isInternal(each));
  const answers = await Promise.all(admitted.map(async (each) => [idOf(each), await post(each)]));

  expect(Object.fromEntries(answers)).toEqual(
    Object.fromEntries(admitted.map((each) => [idOf(each), `202 ${each.becomes}`])),
  );
  expect(await delivered()).toEqual(wanted(admitted));
});

test("samples of what functions make for each other are refused, and reach theirs over AMQP", async () => {
  const internal = samples.filter(isInternal);
  expect(internal).not.toEqual([]);
  for (const each of internal) expect(await post(each)).toMatch(/^422 /);
  expect(await delivered()).toEqual({});

  for (const each of internal) {
    const body = Buffer.from(JSON.stringify({ ...eventOf(each), tenant_id: "shop" }));
    await publisher.publish({ exchange: "events", routingKey: each.type, body });
  }
  expect(await delivered()).toEqual(wanted(internal));
});

function eventOf(sample: Sample) {
  const { type, version, data } = sample;
  const said = { source: "test", timestamp: "2026-11-20T10:00:00Z", metadata: { version } };
  return { id: idOf(sample), type, data, ...said };
}

/** The answer's status and type. */
async function post(sample: Sample): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/events`, {
    method: "POST",
    headers: { authorization: "Bearer key", "content-type": "application/json" },
    body: JSON.stringify(eventOf(sample)),
    signal: AbortSignal.timeout(20_000),
  });
  const { type, issues } = (await answer.json()) as { type?: string; issues?: unknown };
  return `${answer.status} ${type ?? JSON.stringify(issues)}`;
}

/** Ids by queue, of queues that hold any: who accepts the type, else the events that nobody takes. */
function wanted(all: readonly Sample[]): Record<string, string[]> {
  const queues: Record<string, string[]> = {};
  for (const sample of all) {
    const takers = consumers.filter(({ accepts }) => accepts.includes(sample.becomes));
    const names = takers.length > 0 ? takers.map(({ queue }) => queue) : [UNCONSUMED];
    for (const name of names) (queues[name] ??= []).push(idOf(sample));
  }
  return sorted(queues);
}

/** What lies in the queues of the vhost, taken out; each as its function reads it. */
async function delivered(): Promise<Record<string, string[]>> {
  const queues: Record<string, string[]> = {};
  for (const { queue, accepts } of consumers) {
    const parse = parserOf(accepts as EventType[]);
    const messages = await drain(vhost.url, queue);
    for (const { content } of messages) (queues[queue] ??= []).push(parse(content).event.id);
  }
  for (const { content } of await drain(vhost.url, UNCONSUMED)) {
    (queues[UNCONSUMED] ??= []).push(parseEvent(content).event.id);
  }
  return sorted(queues);
}

function sorted(queues: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(queues).map(([queue, ids]) => [queue, ids.toSorted()] as const),
  );
}
