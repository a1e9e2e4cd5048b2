import { setTimeout as pass } from "node:timers/promises";
import { canonicalJson } from "../../lib/envelope/envelope.ts";
import { chance } from "../model/random.ts";
import { appliedUnrecorded, effects, moment } from "./moments.ts";
import { BATCH, type Rig } from "./rig.ts";
import type { History, Produced } from "./subject.ts";

/** One mishap, played in the same way on every function. */
export type Scenario = {
  /** The heading of its column. */
  title: string;
  /** How it is played, in a sentence or two. */
  how: string;
  workers: 1 | 2;
  /** Whether it leaves claims, which must expire before another sender may take over. */
  kills: boolean;
  /** The events belong to a separate tenant; each contains its name. */
  play: (rig: Rig, tenant: string) => Promise<Act>;
};

/** What the function was asked to do; it need not have finished. */
export type Act = {
  /** Each of these must have its effect. */
  wanted: readonly Produced[];
  /** Ids of the events that must become dead letters, with the expected reason. */
  refused?: ReadonlyMap<string, string>;
  /** Observations that were expected and missing. */
  missed: readonly string[];
  /** How the scenario was seen to happen as intended; called once everything is at rest. */
  seen: () => string;
};

const OUTAGE_MS = 20_000;
const UNREADABLE = "unreadable event";

export const scenarios: readonly Scenario[] = [
  {
    title: "two workers at once",
    how: "Two workers are paused while each gets a copy of the same 50 events, and resume at the same moment.",
    workers: 2,
    kills: false,
    async play(rig, tenant) {
      const events = await rig.stage.events(tenant, 50);
      await rig.pause();
      // The broker distributes them round robin.
      await rig.publish(events.flatMap((event) => [event, event]));
      await rig.resume();
      let each: number[] = [];
      const missed = await moment(rig, "one worker did it all", async () => {
        each = await rig.settledByWorker();
        return each.length === 2;
      });
      return {
        wanted: events,
        missed,
        seen: () => "both workers settled messages",
      };
    },
  },
  {
    title: "kill -9 before the effect",
    how: "The request that makes the effect is held on its way to the sink, the workers are killed, and the request is dropped.",
    workers: 2,
    kills: true,
    async play(rig, tenant) {
      const { wire } = rig.stage;
      const events = await rig.stage.events(tenant, 20);
      wire.hold(tenant);
      await rig.publish(events);
      const missed = await moment(rig, "no request came to the sink", () => wire.held() > 0);
      const held = wire.held();
      const killed = await rig.kill();
      wire.restore();
      if ((await effects(rig, tenant, events)) > 0)
        missed.push("there were effects before the kill");
      return {
        wanted: events,
        missed,
        seen: () => `${held} requests kept back, no effect in the sink, ${killed} workers killed`,
      };
    },
  },
  {
    title: "kill -9 between effect and complete",
    how: "The ledger's record that events are done is held. Once their effect is in the sink the workers are killed, and the record is dropped.",
    workers: 2,
    kills: true,
    async play(rig, tenant) {
      const events = await rig.stage.events(tenant, 20);
      rig.holdRecord(tenant);
      await rig.publish(events);
      const { applied, missed } = await appliedUnrecorded(rig, tenant, events);
      const held = rig.recordsHeld();
      const killed = await rig.kill();
      rig.releaseRecord();
      return {
        wanted: events,
        missed,
        seen: () =>
          `${applied} effects in the sink, ${held} records kept back, ${killed} workers killed`,
      };
    },
  },
  {
    title: "refusal in a batch of 100",
    how: "The sink refuses one event of a batch of 100 for good.",
    workers: 1,
    kills: false,
    async play(rig, tenant) {
      const events = await rig.stage.events(tenant, BATCH - 1);
      const { event: refused, reason } = await rig.stage.refused(tenant);
      const before = rig.lines().length;
      await rig.pause();
      await rig.publish(events.toSpliced(50, 0, refused));
      await rig.resume();
      const sizes = () =>
        rig
          .lines()
          .slice(before)
          .flatMap(({ msg, size }) => (msg === "batch settled" ? Number(size) : []));
      return {
        wanted: events,
        refused: new Map([[refused.id, reason]]),
        missed: await moment(rig, `no batch of ${BATCH}`, () => sizes().includes(BATCH)),
        seen: () => `a batch of ${BATCH}`,
      };
    },
  },
  {
    title: "malformed event",
    how: "Ten valid events arrive with one that is not JSON and one without data.",
    workers: 1,
    kills: false,
    async play(rig, tenant) {
      const [last, ...events] = await rig.stage.events(tenant, 11);
      const { data: _, ...empty } = { ...last, id: `${tenant}-empty` };
      const garbage = `{ "id": "${tenant}-garbage", this is no JSON`;
      await rig.publish([
        ...events.slice(0, 5),
        garbage,
        JSON.stringify(empty),
        ...events.slice(5),
      ]);
      return {
        wanted: events,
        refused: new Map([
          [`${tenant}-garbage`, UNREADABLE],
          [`${tenant}-empty`, UNREADABLE],
        ]),
        missed: [],
        seen: () => "ten applied, two kept",
      };
    },
  },
  {
    title: "redelivery in another composition",
    how: "The channel is lost when 40 events have their effect but no record yet. They are redelivered one by one, and published again in reverse order among 20 new ones.",
    workers: 1,
    kills: false,
    async play(rig, tenant) {
      const events = await rig.stage.events(tenant, 60);
      const first = events.slice(0, 40);
      rig.holdRecord(tenant);
      await rig.publish(first);
      const { applied, missed } = await appliedUnrecorded(rig, tenant, first);
      const before = rig.lines().length;
      rig.loseChannels();
      rig.releaseRecord();
      const again = first.toReversed();
      const mixed = events
        .slice(40)
        .flatMap((event, i) => [...again.slice(2 * i, 2 * i + 2), event]);
      await rig.publish(mixed);
      const duplicates = () =>
        rig
          .lines()
          .slice(before)
          .filter((line) => line["outcome"] === "duplicate" && line["tenant"] === tenant).length;
      return {
        wanted: events,
        missed,
        seen: () =>
          `${applied} effects in the sink at the loss; ${duplicates()} messages known as duplicates`,
      };
    },
  },
  {
    title: "out of order",
    how: "The same history of four entities is played in order, backwards, and twice shuffled with each event doubled. For functions whose events are independent, the events come newest first.",
    workers: 1,
    kills: false,
    play: (rig, tenant) =>
      rig.stage.history === undefined
        ? newestFirst(rig, tenant)
        : fourOrders(rig, tenant, rig.stage.history),
  },
  {
    title: `sink down ${OUTAGE_MS / 1_000} s`,
    how: `The sink cannot be reached for ${OUTAGE_MS / 1_000} s; 50 events arrive at the start and 50 in the middle.`,
    workers: 1,
    kills: false,
    async play(rig, tenant) {
      const { wire } = rig.stage;
      const events = await rig.stage.events(tenant, 100);
      wire.cut();
      await rig.publish(events.slice(0, 50));
      await pass(OUTAGE_MS / 2);
      await rig.publish(events.slice(50));
      await pass(OUTAGE_MS / 2);
      const there = await effects(rig, tenant, events);
      wire.restore();
      return {
        wanted: events,
        missed: there > 0 ? [`${there} effects while the sink was down`] : [],
        seen: () => `no effect within ${OUTAGE_MS / 1_000} s, all after it`,
      };
    },
  },
];

async function fourOrders(rig: Rig, tenant: string, history: History): Promise<Act> {
  const orders: Record<string, (events: Produced[]) => Produced[]> = {
    told: (events) => events,
    backwards: (events) => events.toReversed(),
    shuffled: (events) => shuffled([...events, ...events], 1),
    mixed: (events) => shuffled([...events, ...events], 2),
  };
  // Two messages at a time: no batch contains a whole history.
  for (const [entity, order] of Object.entries(orders)) {
    const events = order(history.events(tenant, entity));
    while (events.length > 0) await rig.publish(events.splice(0, 2));
  }
  const wrong = async () => {
    const states = Object.keys(orders).map(async (entity) => {
      const state = canonicalJson(await history.state(tenant, entity));
      return state === canonicalJson(history.expected) ? [] : `${entity}: ${state}`;
    });
    return (await Promise.all(states)).flat();
  };
  const isRight = async () => (await wrong()).length === 0 && (await rig.isDrained());
  await moment(rig, "not one state", isRight);
  return {
    wanted: [],
    missed: await wrong(),
    seen: () => "one state in 4 orders, the expected one",
  };
}

async function newestFirst(rig: Rig, tenant: string): Promise<Act> {
  const told = await rig.stage.events(tenant, 30);
  const events = told.map((event, n) => ({
    ...event,
    timestamp: new Date(Date.parse(event.timestamp) - n * 1_000).toISOString(),
  }));
  await rig.publish(events);
  return { wanted: events, missed: [], seen: () => "30, newest first" };
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const { next } = chance(seed);
  return items
    .map((item) => ({ item, at: next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
