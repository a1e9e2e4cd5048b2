import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFailed, test } from "vitest";
import { chunksOf } from "../../lib/async/in-parallel.ts";
import {
  type Effects,
  event,
  type FunctionName,
  functions,
  type HelpDesk,
  messagesOf,
  openHelpDesk,
  type Outcomes,
  type Round,
  type WiredName,
} from "../integration/help-desk.ts";
import { until } from "../integration/rabbit-vhost.ts";

/** Tickets to a round; to a projector each is two messages. */
const ROUND = 40;
/** Small, so that a slow sink has many batches before it. */
const PREFETCH = 5;
/** What the queue of qdrant-projector holds: more than a round, less than a flood. */
const BOUND = 90;
const FLOOD = 70;
const SLOW_MS = 200;

let desk: HelpDesk;
/** Of the functions before the test. */
let before: Outcomes;

beforeAll(async () => {
  desk = await openHelpDesk({ bound: BOUND, prefetch: PREFETCH });
  before = await desk.outcomes();
  // What is slow only the first time is no measure.
  const first = await desk.round(PREFETCH);
  await postAll(first);
  await drained(functions, first);
});
beforeEach(async () => {
  before = await desk.outcomes();
  onTestFailed(() => console.log(JSON.stringify(desk.host.lines().slice(-30), null, 1)));
});
afterEach(() => Object.values(desk.wires).forEach((wire) => wire.restore()));
afterAll(() => desk?.close());

const once = (size: number): Effects => ({
  graph: { tickets: size, looks: size },
  vectors: { tickets: size, interactions: size },
  directory: size,
  mails: size,
});
const without = (name: FunctionName) => functions.filter((each) => each !== name);

/** Messages of each kind that each function has settled in this test. */
async function settled(): Promise<Outcomes> {
  const now = await desk.outcomes();
  const changes = functions.map((name) => {
    const kinds = Object.entries(now[name]).map(
      ([kind, count]) => [kind, count - (before[name][kind] ?? 0)] as const,
    );
    return [name, Object.fromEntries(kinds.filter(([, count]) => count > 0))];
  });
  return Object.fromEntries(changes) as Outcomes;
}

function sum(kinds: Record<string, number>): number {
  return Object.values(kinds).reduce((total, count) => total + count, 0);
}

/** How long it takes until these have done all of a round, by function, ms. */
async function drained(
  names: readonly FunctionName[],
  round: Round,
): Promise<ReadonlyMap<FunctionName, number>> {
  const began = performance.now();
  const took = new Map<FunctionName, number>();
  const isDrained = async () => {
    const now = await settled();
    for (const name of names) {
      const { done = 0 } = now[name];
      if (done >= messagesOf(round, name) && !took.has(name))
        took.set(name, performance.now() - began);
    }
    return took.size === names.length;
  };
  await until(`all of a round is done by ${names.join()}`, isDrained, 60_000);
  return took;
}

async function postAll(round: Round, events = round.events): Promise<void> {
  const answers = await desk.post(round, events);
  expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
}

/** The round in which nothing is wrong. */
let usual: ReadonlyMap<FunctionName, number>;

test("all sinks are well: each function does its part of each event once", async () => {
  const round = await desk.round(ROUND);
  await postAll(round);
  usual = await drained(functions, round);
  expect(await desk.effects(round)).toEqual(once(ROUND));
});

test.each<WiredName>(["neo4j-projector", "qdrant-projector", "send-email"])(
  "200 ms before every word to the sink of %s cost the others nothing",
  async (slow) => {
    const round = await desk.round(ROUND);
    const others = without(slow);
    desk.wires[slow].delay(SLOW_MS);
    await postAll(round);
    const took = await drained(others, round);
    const { done: doneBySlow = 0 } = (await settled())[slow];

    // They are through while it is not.
    expect(doneBySlow).toBeLessThan(messagesOf(round, slow));
    const longest = (times: typeof took) => Math.max(...others.map((name) => times.get(name)!));
    expect(longest(took)).toBeLessThan(3 * longest(usual) + 2_000);

    desk.wires[slow].restore();
    await drained([slow], round);
    expect(await desk.effects(round)).toEqual(once(ROUND));
  },
);

test("a sink that is away: the others do all, and what is its own waits without an attempt spent", async () => {
  const round = await desk.round(ROUND);
  const [own, others] = ["qdrant-projector", without("qdrant-projector")] as const;
  desk.wires[own].vanish();
  await postAll(round);
  await drained(others, round);

  const isDown = async () =>
    /warren_sink_down{function="qdrant-projector".*} 1/.test(
      await (await desk.host.fetch("/metrics")).text(),
    );
  await until("it is known to be down", isDown);
  // One batch is held, all else is in its queue.
  expect(await desk.ready("events.qdrant")).toBe(2 * ROUND - PREFETCH);
  expect((await settled())[own]).toEqual({});
  expect(await desk.effects(round)).toEqual({
    ...once(ROUND),
    vectors: { tickets: 0, interactions: 0 },
  });

  desk.wires[own].restore();
  await drained([own], round);
  expect((await settled())[own]).toEqual({ done: 2 * ROUND });
  expect(await desk.effects(round)).toEqual(once(ROUND));
});

test("a full queue: ingest names each event that it could not take, the others go on, and after the client has repeated all nothing is lost or doubled", async () => {
  const round = await desk.round(FLOOD);
  const [own, others] = ["qdrant-projector", without("qdrant-projector")] as const;
  desk.wires[own].vanish();
  const answers = await desk.post(round, round.events);

  // Every event is answered with its id, and of the refused ones the client hears why.
  expect(answers.map(({ id }) => id)).toEqual(round.events.map(({ id }) => id));
  const refused = answers.filter(({ status }) => status !== 202);
  const said = new Set(
    refused.map(({ status, code, retryAfter }) => `${status} ${code} ${retryAfter}`),
  );
  expect([...said]).toEqual(["503 queue_full 5"]);
  const accepted = answers.length - refused.length;
  expect(accepted).toBeGreaterThanOrEqual(BOUND);
  expect(accepted).toBeLessThan(answers.length);
  // Also those that were refused here are done everywhere else,
  await drained(others, round);
  // and what the full queue does not want is taken as ever.
  const elsewhere = event("customer.tier.changed", { customer_id: "user-1", new_tier: "gold" });
  const [answer] = await desk.post(round, [elsewhere]);
  expect(answer).toMatchObject({ status: 202 });

  desk.wires[own].restore();
  // The client sends all of them again, not faster than they are taken.
  const hasRoom = async () => (await desk.ready("events.qdrant")) === 0;
  for (const some of chunksOf(BOUND / 2, round.events)) {
    await until("there is room", hasRoom, 60_000);
    await postAll(round, some);
  }
  const each = { done: FLOOD, duplicate: FLOOD };
  const expected: Outcomes = {
    "neo4j-projector": { done: 2 * FLOOD + 1, duplicate: 2 * FLOOD },
    "qdrant-projector": { done: 2 * FLOOD, duplicate: accepted },
    contacts: each,
    notifier: each,
    // The notifier asks nobody twice.
    "send-email": { done: FLOOD },
  };
  for (const name of functions) {
    const count = sum(expected[name]);
    await until(`${name} settles all`, async () => sum((await settled())[name]) >= count, 60_000);
  }
  expect(await settled()).toEqual(expected);
  expect(await desk.effects(round)).toEqual(once(FLOOD));
});
