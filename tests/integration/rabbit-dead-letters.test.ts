import type { GetMessage } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { readConsumers } from "../../infra/rabbitmq/consumers.ts";
import { run } from "../../infra/cli/program.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitForward } from "../../lib/rabbit/forward.ts";
import { deliveryHeaders } from "../../lib/trigger/event.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { drain, newVhost, purge, type Vhost } from "./rabbit-vhost.ts";

const QUEUE = "events.graph";
const DEAD = "dead.events.graph";
/** Of the project's one function that accepts `order.paid`. */
const OWN = "events.neo4j";

let vhost: Vhost;
let printed: string[];
let complained: string[];

beforeAll(async () => {
  vhost = await newVhost();
  vi.stubEnv("RABBITMQ_URL", vhost.url);
  const consumers = [{ queue: QUEUE, accepts: ["order.created"] }];
  const topology = topologyOf({ consumers, retryDelays: [5_000] });
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topology),
  );
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await vhost.remove();
});
beforeEach(() => {
  printed = [];
  complained = [];
  vi.spyOn(console, "log").mockImplementation((line) => void printed.push(line));
  vi.spyOn(console, "error").mockImplementation((line) => void complained.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await purge(vhost.url, QUEUE);
  await purge(vhost.url, DEAD);
});

const bodyOf = (id: string, tenant = "acme") =>
  JSON.stringify({
    id,
    type: "order.created",
    source: "shop",
    timestamp: "2026-11-21T10:00:00Z",
    tenant_id: tenant,
    data: { order_id: id },
    metadata: { version: "1.0" },
  });

async function bury(
  ...letters: { body: string; reason?: string; deadAt?: number }[]
): Promise<void> {
  const publisher = rabbitPublisher({ url: vhost.url, name: "test" });
  const forward = rabbitForward({ publisher, queue: QUEUE, retryDelays: [5_000] });
  for (const { body, reason = "refused", deadAt = Date.now() } of letters) {
    const headers = { "warren-attempt": 4, "warren-generation": 2 };
    await forward.deadLetter(
      { body: Buffer.from(body), ...deliveryHeaders(headers) },
      { reason, error: "no such label", deadAt, firstFailedAt: undefined },
    );
  }
  await publisher.close();
}

const json = () =>
  JSON.parse(printed.join("\n")) as { id: string; copies: number; reason: string }[];

test("lists without losing or reordering anything, however often", async () => {
  await bury(
    { body: bodyOf("1") },
    { body: bodyOf("2") },
    { body: "not json", reason: "not JSON" },
  );
  for (let i = 0; i < 25; i += 1) expect(await run(["dead-letters", "list", QUEUE])).toBe(0);
  printed = [];
  await run(["dead-letters", "list", DEAD, "--json"]);

  expect(json().map(({ id }) => id)).toEqual(["1", "2", expect.stringMatching(/^sha256:/)]);
  expect(await drain(vhost.url, DEAD)).toHaveLength(3);
});

test("lists at most so many, says that there are more, and keeps their order", async () => {
  await bury({ body: bodyOf("1") }, { body: bodyOf("2") }, { body: bodyOf("3") });
  await run(["dead-letters", "list", QUEUE, "--limit", "2", "--json"]);

  expect(json().map(({ id }) => id)).toEqual(["1", "2"]);
  expect(complained).toEqual(["read the oldest 2 of 3 messages: raise --limit to read more"]);
  const bodies = (await drain(vhost.url, DEAD)).map(({ content }) => content.toString());
  expect(bodies).toEqual([bodyOf("1"), bodyOf("2"), bodyOf("3")]);
});

test("shows headers, error and body of one", async () => {
  await bury({ body: bodyOf("1") }, { body: bodyOf("2") });
  expect(await run(["dead-letters", "show", QUEUE, "2"])).toBe(0);

  const text = printed.join("\n");
  expect(text).toContain("error         no such label");
  expect(text).toContain("attempts      4 (generation 2)");
  expect(text).toContain('"order_id": "2"');
  expect(text).not.toContain('"order_id": "1"');
  expect(await purge(vhost.url, DEAD)).toBe(2);
});

test("retries what the ledger has forgotten only with --yes, and warns", async () => {
  const deadAt = Date.now() - 31 * 86_400_000;
  await bury({ body: bodyOf("1"), deadAt }, { body: bodyOf("2") });
  const warning = expect.stringContaining("1 died more than 30 days ago. The ledger has forgotten");

  expect(await run(["dead-letters", "retry", QUEUE, "--all"])).toBe(0);
  expect(complained).toEqual([warning]);
  const idsIn = async (queue: string) =>
    (await drain(vhost.url, queue)).map(({ content }) => JSON.parse(content.toString()).id);
  expect(await idsIn(QUEUE)).toEqual(["2"]);
  expect(await run(["dead-letters", "retry", QUEUE, "--all"])).toBe(1);
  expect(await run(["dead-letters", "retry", QUEUE, "--all", "--yes"])).toBe(0);
  expect(complained).toEqual([warning, warning, warning]);
  expect(await idsIn(QUEUE)).toEqual(["1"]);
  expect(await idsIn(DEAD)).toEqual([]);
});

test("a retry of what is not there says so, and touches nothing", async () => {
  await bury({ body: bodyOf("1") });

  expect(await run(["dead-letters", "retry", QUEUE, "--id", "nope"])).toBe(1);
  expect(complained).toEqual(["no such dead letter"]);
  expect(await drain(vhost.url, DEAD)).toHaveLength(1);
  expect(await drain(vhost.url, QUEUE)).toEqual([]);
});

test("a replay is the next generation's first attempt, with the original bytes", async () => {
  await bury({ body: bodyOf("1") }, { body: bodyOf("2") });
  expect(await run(["dead-letters", "retry", QUEUE, "--id", "2"])).toBe(0);

  const [replayed, ...others] = await drain(vhost.url, QUEUE);
  expect(others).toEqual([]);
  expect(replayed?.content.toString()).toBe(bodyOf("2"));
  expect(deliveryHeaders(replayed?.properties.headers)).toMatchObject({
    attempt: 1,
    generation: 3,
    firstFailedAt: undefined,
  });
  expect(replayed?.properties.headers).not.toHaveProperty("warren-reason");
  const left = await drain(vhost.url, DEAD);
  expect(left.map(({ content }) => content.toString())).toEqual([bodyOf("1")]);
});

test("replays by reason, and of one tenant only", async () => {
  await bury(
    { body: bodyOf("1"), reason: "timeout" },
    { body: bodyOf("1", "other"), reason: "timeout" },
    { body: bodyOf("2") },
  );
  await run(["dead-letters", "retry", QUEUE, "--reason", "timeout", "--tenant", "acme"]);

  expect(await purge(vhost.url, QUEUE)).toBe(1);
  expect(await purge(vhost.url, DEAD)).toBe(2);
});

test("replays all of many", async () => {
  await bury(...Array.from({ length: 300 }, (_, i) => ({ body: bodyOf(String(i)) })));
  expect(await run(["dead-letters", "retry", QUEUE, "--all"])).toBe(0);

  expect(printed).toEqual(["300 published to events.graph and removed from its dead letters"]);
  expect(await purge(vhost.url, QUEUE)).toBe(300);
  expect(await purge(vhost.url, DEAD)).toBe(0);
});

test("a dead letter stays when its replay is refused", async () => {
  await bury({ body: bodyOf("1") });
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.deleteQueue(QUEUE);
  });
  expect(await run(["dead-letters", "retry", QUEUE, "--all"])).toBe(1);
  expect(complained).toEqual(["no queue for events.graph (NO_ROUTE)"]);
  expect(printed).toEqual(["0 published to events.graph and removed from its dead letters"]);

  expect(await purge(vhost.url, DEAD)).toBe(1);
  const consumers = [{ queue: QUEUE, accepts: ["order.created"] }];
  const topology = topologyOf({ consumers, retryDelays: [5_000] });
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topology),
  );
});

test("discards only when told twice", async () => {
  await bury({ body: bodyOf("1") }, { body: bodyOf("2") });
  expect(await run(["dead-letters", "discard", QUEUE, "--id", "1"])).toBe(1);
  expect(complained).toEqual(["this would discard 1 dead letters for good: add --yes"]);
  expect(await run(["dead-letters", "discard", QUEUE, "--id", "1", "--yes"])).toBe(0);

  const left = await drain(vhost.url, DEAD);
  expect(left.map(({ content }) => content.toString())).toEqual([bodyOf("2")]);
});

/** `user.login` is a type that no function of the project accepts. */
async function postUnconsumed(...types: string[]): Promise<void> {
  const publisher = rabbitPublisher({ url: vhost.url, name: "test" });
  for (const [index, type] of types.entries()) {
    const body = Buffer.from(JSON.stringify({ ...JSON.parse(bodyOf(`${index + 1}`)), type }));
    await publisher.publish({ exchange: "events", routingKey: type, body });
  }
  await publisher.close();
}

const idOf = ({ content }: GetMessage) => (JSON.parse(content.toString()) as { id: string }).id;

test("unconsumed events are listed, and go to the queue of who accepts them by now", async () => {
  // Published before there was a queue for it: the type is accepted by the project's own functions.
  await postUnconsumed("order.paid", "user.login", "order.paid");
  expect(await run(["dead-letters", "list", "events.unconsumed", "--json"])).toBe(0);
  expect(json().map(({ reason }) => reason)).toEqual([
    "nobody consumes this type",
    "nobody consumes this type",
    "nobody consumes this type",
  ]);

  const topology = topologyOf({ consumers: await readConsumers(), retryDelays: [5_000] });
  const at = { url: vhost.url, name: "test" };
  await withChannel(at, (channel) => applyTopology(channel, topology));
  expect(await run(["dead-letters", "retry", "events.unconsumed", "--all"])).toBe(0);

  const arrived = await drain(vhost.url, OWN);
  // The next test wants it gone.
  await withChannel(at, (channel) => channel.deleteQueue(OWN));
  expect(printed.at(-1)).toBe(
    "2 published to the functions that accept them and removed from events.unconsumed",
  );
  expect(complained).toEqual(["not moved: no function accepts user.login"]);
  expect(arrived.map(idOf)).toEqual(["1", "3"]);
  expect(deliveryHeaders(arrived[0]?.properties.headers)).toMatchObject({
    attempt: 1,
    generation: 1,
  });
  expect(await purge(vhost.url, "events.unconsumed")).toBe(1);
});

test("a retry of an unconsumed event that is not there says so", async () => {
  await postUnconsumed("user.login");
  expect(await run(["dead-letters", "retry", "events.unconsumed", "--id", "nope"])).toBe(1);
  expect(complained).toEqual(["no such event"]);
  expect(await purge(vhost.url, "events.unconsumed")).toBe(1);
});

test("an unconsumed event stays where it is until the queue of who accepts it is there", async () => {
  await postUnconsumed("order.paid");
  expect(await run(["dead-letters", "retry", "events.unconsumed", "--all"])).toBe(1);
  expect(printed).toEqual([
    "0 published to the functions that accept them and removed from events.unconsumed",
  ]);
  expect(complained).toEqual([`no queue for ${OWN} (NO_ROUTE)`]);
  expect(await purge(vhost.url, "events.unconsumed")).toBe(1);
});

test("unconsumed events are shown and discarded like dead letters", async () => {
  await postUnconsumed("user.login", "user.login");
  expect(await run(["dead-letters", "show", "events.unconsumed", "2"])).toBe(0);
  expect(printed.join("\n")).toContain("reason        nobody consumes this type");
  expect(await run(["dead-letters", "discard", "events.unconsumed", "--id", "1", "--yes"])).toBe(0);
  const left = await drain(vhost.url, "events.unconsumed");
  expect(left.map(idOf)).toEqual(["2"]);
});

test.each([
  [["retry", QUEUE], "say which: --id, --reason or --all"],
  [["discard", QUEUE, "--yes"], "say which: --id, --reason or --all"],
  [["discard", QUEUE, "--all", "--id", "1"], "--all goes with neither --id nor --reason"],
  [["list"], "missing required argument 'queue'"],
  [["show", QUEUE], "missing required argument 'id'"],
  [["list", QUEUE, "--limit", "0"], "It must be 1 to 9999999."],
  [["list", QUEUE, "--bogus"], "unknown option '--bogus'"],
  [["erase", QUEUE], "unknown command 'erase'"],
])("warren dead-letters %j is refused, with where to find the usage", async (args, why) => {
  expect(await run(["dead-letters", ...args])).toBe(2);
  expect(complained.join("\n")).toContain(why);
  expect(complained.join("\n")).toContain("See: warren dead-letters");
});

test("a queue that does not exist is named", async () => {
  expect(await run(["dead-letters", "list", "events.typo"])).toBe(1);
  expect(complained.join("\n")).toMatch(
    /^queue dead\.events\.typo does not exist, and no function has a queue events\.typo: there are events\.neo4j, /,
  );
  await run(["dead-letters", "list", "events.neo4"]);
  expect(complained.at(-1)).toContain("did you mean events.neo4j?");
});
