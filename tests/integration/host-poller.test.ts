import { afterEach, beforeEach, expect, test } from "vitest";
import { filterOf } from "../../lib/trigger/filter.ts";
import { poll, type PollerDeps, type PollerState } from "../../lib/host/poller.ts";
import type { InvocationContext } from "../../lib/runtime/context.ts";
import { type RabbitMQEvent, readEvent } from "../../lib/trigger/event.ts";
import { logger } from "../../lib/log.ts";
import {
  rabbitConnection,
  type RabbitConnection,
  withChannel,
} from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { drain, newVhost, until, type Vhost } from "./rabbit-vhost.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

const QUEUE = "events.test";
const MAX_EVENT_BYTES = 6 * 1_024 * 1_024;
const log = logger({ level: "silent", name: "test" });

let vhost: Vhost;
let proxy: TcpProxy;
let connection: RabbitConnection;
let stopping: AbortController;
let handingBack: AbortController;
let polling: Promise<void>;
let states: PollerState[];
let handedBack: number;
let oversize: string[];
let taken: number;
let filtered: number;

beforeEach(async () => {
  vhost = await newVhost();
  const address = new URL(vhost.url);
  proxy = await tcpProxy({ host: address.hostname, port: Number(address.port) });
  address.port = String(proxy.port);
  connection = rabbitConnection({ url: address.href, name: "test trigger" });
  stopping = new AbortController();
  handingBack = new AbortController();
  states = [];
  oversize = [];
  taken = 0;
  filtered = 0;
  handedBack = 0;
  await declare();
});
afterEach(async () => {
  stopping.abort();
  handingBack.abort();
  await polling;
  await connection.close();
  await proxy.close();
  await vhost.remove();
});

type Signal = InvocationContext["signal"];
type Run = (bodies: string[], signal: NonNullable<Signal>, event: RabbitMQEvent) => Promise<void>;

function start(run: Run, over: Partial<PollerDeps> = {}): void {
  polling = poll(
    {
      connection,
      arn: "arn:test",
      queue: QUEUE,
      vhost: "/shop",
      batchSize: 10,
      windowMs: 100,
      prepare: async () => {},
      invoke: (event, signal) => run(bodiesOf(event), signal, event),
      afterThrow: "one by one",
      filter: undefined,
      async onOversize({ error }) {
        oversize.push(error);
        return "ack";
      },
      onState: (state) => states.push(state),
      onTaken: () => (taken += 1),
      onFiltered: () => (filtered += 1),
      onHandedBack: (count) => (handedBack += count),
      log,
      random: () => 0.99,
      ...over,
    },
    { stop: stopping.signal, handBack: handingBack.signal },
  );
}

function bodiesOf(event: RabbitMQEvent): string[] {
  return readEvent(event).flatMap(({ deliveries }) =>
    deliveries.map(({ body }) => Buffer.from(body).toString()),
  );
}

function declare(): Promise<unknown> {
  return withChannel({ url: vhost.url, name: "test" }, (channel) =>
    channel.assertQueue(QUEUE, { arguments: { "x-queue-type": "quorum" } }),
  );
}

async function publish(...bodies: string[]): Promise<void> {
  const publisher = rabbitPublisher({ url: vhost.url, name: "test publisher" });
  const publishing = bodies.map((body) =>
    publisher.publish({ exchange: "", routingKey: QUEUE, body: Buffer.from(body) }),
  );
  await Promise.all(publishing);
  await publisher.close();
}

/** Messages that no consumer holds. */
const depth = () =>
  withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    return (await channel.checkQueue(QUEUE)).messageCount;
  });

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
const left = async () => {
  stopping.abort();
  await polling;
  return (await drain(vhost.url, QUEUE)).map(({ content }) => content.toString());
};
/** Resolves when the signal aborts, as a handler does that watches it. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

test("hands over full batches in order, the rest when the window is over, and acks them", async () => {
  await publish(...numbers(25));
  const batches: string[][] = [];
  start(async (bodies) => void batches.push(bodies));

  await until("all come", () => batches.flat().length === 25);
  expect(batches.map(({ length }) => length)).toEqual([10, 10, 5]);
  expect(batches.flat()).toEqual(numbers(25));
  expect(await left()).toEqual([]);
});

test("the event is what Lambda sends, with queue and vhost as its key", async () => {
  await publish("hello");
  let got: RabbitMQEvent | undefined;
  start(async (_, __, event) => void (got = event));

  await until("it comes", () => got !== undefined);
  expect(Object.keys(got!)).toEqual(["eventSource", "eventSourceArn", "rmqMessagesByQueue"]);
  expect(got!.rmqMessagesByQueue[`${QUEUE}::/shop`]).toMatchObject([
    { basicProperties: { bodySize: 5, deliveryMode: 2 }, redelivered: false, data: "aGVsbG8=" },
  ]);
});

test("runs one batch at a time, also when the next is due", async () => {
  await publish("first");
  const batches: string[][] = [];
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const run: Run = async (bodies) => {
    batches.push(bodies);
    await finished;
  };
  // Without a window whatever is taken is due at once.
  start(run, { windowMs: 0 });
  await until("it runs", () => batches.length === 1);
  await publish("second", "third");
  await until("they are taken", () => taken === 3);
  expect(batches).toEqual([["first"]]);

  finish();
  await until("all come", () => batches.flat().length === 3);
  expect(batches.flat()).toEqual(["first", "second", "third"]);
});

test("hands a batch back when the function throws, pauses, and comes back one by one", async () => {
  await publish(...numbers(10));
  const runs: { size: number; at: number; counts: number[] }[] = [];
  start(async (_, __, event) => {
    const deliveries = readEvent(event).flatMap((batch) => batch.deliveries);
    const counts = deliveries.map(({ deliveryCount }) => deliveryCount);
    runs.push({ size: deliveries.length, at: performance.now(), counts });
    if (runs.length < 3) throw new Error("out of order");
  });
  await until("all are through", () => runs.slice(2).reduce((n, { size }) => n + size, 0) === 10);

  expect(runs.map(({ size }) => size)).toEqual([10, 1, 1, 2, 4, 3]);
  // The full pauses, 1 s and 2 s, are shortened by up to a half.
  expect(runs[1]!.at - runs[0]!.at).toBeGreaterThan(490);
  expect(runs[2]!.at - runs[1]!.at).toBeGreaterThan(990);
  // The broker counts what comes back.
  expect(runs[1]!.counts).toEqual([1]);
  expect(handedBack).toBe(11);
  expect(await left()).toEqual([]);
});

test("brings the whole batch again after a throw, where Lambda is emulated", async () => {
  await publish(...numbers(10));
  const runs: string[][] = [];
  const run: Run = async (bodies) => {
    runs.push(bodies);
    if (runs.length < 2) throw new Error("out of order");
  };
  start(run, { afterThrow: "whole batch" });
  await until("it comes again", () => runs.length === 2);
  await until("it is acked", async () => (await left()).length === 0);
  expect(runs).toEqual([numbers(10), numbers(10)]);
});

test("acks and drops what the filter refuses, without counting it to a batch", async () => {
  // More than are sent ahead, then some that no later ack would cover.
  await publish("no", "no", "no", "no", "1", "no", "3", "5", "no");
  const batches: string[][] = [];
  const filter = filterOf([{ data: ["1", "3", "5"] }]);
  start(async (bodies) => void batches.push(bodies), { filter, batchSize: 3 });
  await until("all come", () => batches.flat().length === 3);
  expect(batches.flat()).toEqual(["1", "3", "5"]);
  await until("the last is refused", () => filtered === 6);
  expect(await left()).toEqual([]);
});

test("a lost channel aborts the handler; its batch comes again only when it has ended", async () => {
  await publish(...numbers(3));
  const happened: string[] = [];
  start(async (bodies, signal) => {
    happened.push(`starts with ${bodies.length}`);
    if (happened.length > 1) return;
    proxy.cut();
    await aborted(signal).catch(() => {});
    happened.push("aborted");
    proxy.restore();
    await until("the broker offers the messages again", async () => (await depth()) === 3);
    happened.push("ended");
  });
  await until("it comes again", () => happened.length > 3);

  expect(happened.slice(0, 3)).toEqual(["starts with 3", "aborted", "ended"]);
  expect(states).toContainEqual({ ready: false, problem: "the channel was lost" });
  expect(await left()).toEqual([]);
});

test("waits for a queue that is not there, says so, and begins when it appears", async () => {
  await withChannel({ url: vhost.url, name: "test" }, (channel) => channel.deleteQueue(QUEUE));
  let seen = 0;
  start(async (bodies) => void (seen += bodies.length));
  await until("it complains", () =>
    states.some((state) => !state.ready && state.problem.includes(`queue ${QUEUE} does not exist`)),
  );
  await declare();
  await publish("late");
  await until("it comes", () => seen === 1);
  expect(states.at(-1)).toEqual({ ready: true });
});

test("recovers when its queue is deleted and made again", async () => {
  let seen = 0;
  start(async (bodies) => void (seen += bodies.length));
  await until("it is ready", () => states.at(-1)?.ready === true);
  await withChannel({ url: vhost.url, name: "test" }, (channel) => channel.deleteQueue(QUEUE));
  await until("it notices", () => states.at(-1)?.ready === false);
  await declare();
  await publish("after");
  await until("it comes", () => seen === 1);
  expect(states.at(-1)).toEqual({ ready: true });
});

test("takes nothing before the function is prepared", async () => {
  await publish("early");
  let attempts = 0;
  let seen = 0;
  const prepare = async () => {
    attempts += 1;
    if (attempts < 2) throw new Error("constraints are missing");
  };
  start(async (bodies) => void (seen += bodies.length), { prepare });
  await until("it comes", () => seen === 1);
  expect(states).toContainEqual({ ready: false, problem: "constraints are missing" });
});

test("splits a batch at 6 MB, and puts with the dead letters what no event can hold", async () => {
  const big = "x".repeat(2_000_000);
  const tooBig = "y".repeat(5_000_000);
  await publish(big, big, tooBig, "small");
  const sizes: number[][] = [];
  const bytes: number[] = [];
  start(async (bodies, _, event) => {
    sizes.push(bodies.map(({ length }) => length));
    bytes.push(Buffer.byteLength(JSON.stringify(event)));
  });
  await until("all come", () => sizes.flat().length === 3);

  expect(sizes).toEqual([[2_000_000, 2_000_000], [5]]);
  expect(Math.max(...bytes)).toBeLessThan(MAX_EVENT_BYTES);
  expect(oversize).toEqual([expect.stringMatching(/^it takes 66\d+ bytes of an event/)]);
  expect(await left()).toEqual([]);
});

test("leaves what no event can hold to the queue's dead-letter exchange, when it is told so", async () => {
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.deleteQueue(QUEUE);
    await channel.assertQueue("kept", { arguments: { "x-queue-type": "quorum" } });
    const deadLetter = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "kept" };
    await channel.assertQueue(QUEUE, { arguments: { "x-queue-type": "quorum", ...deadLetter } });
  });
  await publish("before", "y".repeat(5_000_000), "after");
  const seen: string[] = [];
  start(async (bodies) => void seen.push(...bodies), { onOversize: async () => "reject" });
  await until("the others come", () => seen.length === 2);
  expect(await left()).toEqual([]);
  await until("it is kept", async () => (await drain(vhost.url, "kept")).length === 1);
});

test("a stop lets the batch and what was taken finish, and takes no more", async () => {
  await publish(...numbers(15));
  const batches: string[][] = [];
  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  start(async (bodies) => {
    batches.push(bodies);
    await finished;
  });
  await until("a batch runs", () => batches.length === 1);
  stopping.abort();
  await publish("later");
  finish();
  await polling;

  expect(batches[0]).toHaveLength(10);
  const open = await left();
  // What the broker had sent ahead was finished, the rest stays.
  expect([...batches.flat(), ...open].toSorted()).toEqual([...numbers(15), "later"].toSorted());
  expect(open).toContain("later");
});

test("a batch that does not end in time is handed back", async () => {
  await publish(...numbers(3));
  let started = false;
  start(async (_, signal) => {
    started = true;
    await aborted(signal);
  });
  await until("it runs", () => started);
  stopping.abort();
  handingBack.abort(new Error("the host stops"));
  await polling;
  expect(handedBack).toBe(3);
  expect(await left()).toEqual(["0", "1", "2"]);
});
