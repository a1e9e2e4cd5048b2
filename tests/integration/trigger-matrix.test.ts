import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { drain, newVhost, until, type Vhost } from "./rabbit-vhost.ts";
import { type Runtime, runtimes } from "./trigger-runtimes.ts";

/** What Lambda does with a batch, and what the host and the plugin must do alike. */
type Line = {
  name: string;
  /** From AWS's documentation, "Using Lambda with Amazon MQ". */
  lambda: string;
  /** Of the `rabbitmq` event, besides the queue. */
  mapping?: string;
  timeout?: number;
  /** What the handler does when it has a batch for the first time, with `event` at hand. */
  first?: string;
  bodies: readonly string[];
  /** Of each body that the function sees: what the broker had counted at its deliveries. */
  deliveries: Record<string, number[]>;
  /** Of the batches that are delivered for the first time. */
  sizes: number[];
  /** Bodies in the queue's dead letters, cut short. */
  dead?: string[];
};

const abc = ["a", "b", "c"];
const each = (counts: number[]) => ({ a: counts, b: counts, c: counts });
const BIG = "x".repeat(5_000_000);

const lines: Line[] = [
  {
    name: "return",
    lambda: "a batch whose invocation succeeds is acknowledged",
    bodies: abc,
    deliveries: each([0]),
    sizes: [3],
  },
  {
    name: "batch size",
    lambda: "BatchSize messages at most; the rest when the window ends",
    mapping: "batchSize: 2, maximumBatchingWindow: 1",
    bodies: abc,
    deliveries: each([0]),
    sizes: [2, 1],
  },
  {
    name: "throw",
    lambda: "an error for any message: the whole batch is retried",
    first: "throw new Error('not now');",
    bodies: abc,
    deliveries: each([0, 1]),
    sizes: [3],
  },
  {
    name: "time-out",
    lambda: "a function past its time-out is ended, the whole batch is retried",
    timeout: 2,
    first:
      "setInterval(() => record({ tick: 'time-out', at: Date.now() }), 20); await new Promise(() => {});",
    bodies: abc,
    deliveries: each([0, 1]),
    sizes: [3],
  },
  {
    name: "crash",
    lambda:
      "the runtime exits (Runtime.ExitError): the invocation failed, the whole batch is retried",
    first: "process.exit(7);",
    bodies: abc,
    deliveries: each([0, 1]),
    sizes: [3],
  },
  {
    name: "uncaught",
    lambda: "an error that nobody catches ends the runtime: as a crash",
    first:
      "setTimeout(() => { throw new Error('nobody catches this'); }); await new Promise(() => {});",
    bodies: abc,
    deliveries: each([0, 1]),
    sizes: [3],
  },
  {
    name: "oversize",
    lambda: "a record beyond 6 MB is dropped; here it is kept among the dead letters",
    bodies: ["a", BIG, "c"],
    deliveries: { a: [0], c: [0] },
    sizes: [1, 1],
    dead: ["xxx"],
  },
  {
    name: "payload",
    lambda: "a batch ends where the next message would take it past 6 MB",
    bodies: ["a".repeat(2_500_000), "b".repeat(2_500_000)],
    deliveries: { aaa: [0], bbb: [0] },
    sizes: [1, 1],
  },
  {
    name: "filter",
    lambda: "what no filter matches is acknowledged and does not count to a batch",
    mapping: 'batchSize: 2, filterPatterns: [{ data: ["a", "c"] }]',
    bodies: ["a", "b", "c", "d"],
    deliveries: { a: [0], c: [0] },
    sizes: [2],
  },
];

const queueOf = ({ name }: { name: string }) => `matrix.${name.replace(" ", "-")}`;
const keyOf = ({ name }: { name: string }) => name.replace(" ", "-");
const MISSING = { name: "missing" };
const DISABLED = { name: "disabled" };

const moduleOf = (line: { name: string; first?: string }) => `
  export const handler = async (event, context) => {
    const bodies = bodiesOf(event).map((body) => body.slice(0, 3));
    const counts = recordsOf(event).map(({ basicProperties: { headers } }) => headers?.["x-delivery-count"] ?? 0);
    record({ line: ${JSON.stringify(line.name)}, bodies, counts, at: Date.now() });
    if (counts[0] === 0) { ${line.first ?? ""} }
    else await new Promise((resolve) => setTimeout(resolve, 200));
    record({ ended: ${JSON.stringify(line.name)} });
  };
`;

const functionOf = (line: { name: string; mapping?: string; timeout?: number }) => `
  ${keyOf(line)}:
    handler: ${keyOf(line)}.handler
    timeout: ${line.timeout ?? 20}
    events:
      - rabbitmq:
          arn: arn:aws:mq:eu-west-1:123456789012:broker:shop:b-1
          basicAuthArn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop
          queue: ${queueOf(line)}
          ${(line.mapping ?? "").split(/, (?=[a-z]+[A-Z])/).join("\n          ")}
`;

describe.each(["host", "plugin"] as const)("%s", (which) => {
  let vhost: Vhost;
  let runtime: Runtime;

  beforeAll(async () => {
    vhost = await newVhost();
    await declare(...lines, DISABLED);
    runtime = await open("enabled: false");
    await runtime.start();
    await until("all take", () => runtime.taking() === lines.length, 90_000);
  });
  afterAll(async () => {
    await runtime.remove();
    await vhost.remove();
  });

  function open(disabled: string): Promise<Runtime> {
    const all = [...lines, MISSING, { ...DISABLED, mapping: disabled }];
    return runtimes[which]({
      functions: `functions:${all.map(functionOf).join("")}`,
      modules: Object.fromEntries(all.map((line) => [keyOf(line), moduleOf(line)])),
      env: { RABBITMQ_URL: vhost.url },
    });
  }

  function declare(...wanted: { name: string }[]): Promise<void> {
    return withChannel({ url: vhost.url, name: "test" }, async (channel) => {
      for (const line of wanted) {
        const dead = `dead.${queueOf(line)}`;
        const toDead = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead };
        await channel.assertQueue(dead, { arguments: { "x-queue-type": "quorum" } });
        await channel.assertQueue(queueOf(line), {
          arguments: { "x-queue-type": "quorum", ...toDead },
        });
      }
    });
  }

  function publish(line: { name: string }, bodies: readonly string[]): Promise<void> {
    return withChannel({ url: vhost.url, name: "test" }, async (channel) => {
      for (const body of bodies) channel.sendToQueue(queueOf(line), Buffer.from(body));
      await channel.waitForConfirms();
    });
  }

  const look = (line: { name: string }) =>
    withChannel({ url: vhost.url, name: "test" }, (channel) => channel.checkQueue(queueOf(line)));

  type Run = { bodies: string[]; counts: number[]; at: number };

  async function runsOf({ name }: { name: string }): Promise<Run[]> {
    return (await runtime.records()).filter(({ line }) => line === name) as unknown as Run[];
  }

  async function deliveriesOf(line: { name: string }): Promise<Record<string, number[]>> {
    const deliveries: Record<string, number[]> = {};
    for (const { bodies, counts } of await runsOf(line)) {
      for (const [index, body] of bodies.entries()) (deliveries[body] ??= []).push(counts[index]!);
    }
    return deliveries;
  }

  test.concurrent.each(lines)("$name: $lambda", async (line) => {
    onTestFailed(() => console.log(runtime.log().slice(-8_000)));
    await publish(line, line.bodies);
    const wanted = Object.values(line.deliveries).flat().length;
    const seen = async () => Object.values(await deliveriesOf(line)).flat().length;
    await until("all are delivered", async () => (await seen()) >= wanted, 60_000);
    const ended = async () =>
      (await runtime.records()).filter(({ ended: name }) => name === line.name);
    const last = line.first === undefined ? line.sizes.length : 1;
    await until("it ends well", async () => (await ended()).length >= last);

    expect(await deliveriesOf(line)).toEqual(line.deliveries);
    const fresh = (await runsOf(line)).filter(({ counts }) => counts[0] === 0);
    expect(fresh.map(({ bodies }) => bodies.length)).toEqual(line.sizes);
    const dead: string[] = [];
    await until("what is dead is kept", async () => {
      const more = await drain(vhost.url, `dead.${queueOf(line)}`);
      dead.push(...more.map(({ content }) => content.toString().slice(0, 3)));
      return dead.length >= (line.dead ?? []).length;
    });
    expect(dead).toEqual(line.dead ?? []);
  });

  test("time-out: nothing of the handler runs on", async () => {
    const [, again] = await runsOf({ name: "time-out" });
    const ticks = (await runtime.records()).filter(({ tick }) => tick === "time-out");
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.filter(({ at }) => (at as number) > again!.at)).toEqual([]);
  });

  test("missing queue: the mapping is in a problem state, and recovers when the queue is there", async () => {
    const problem = "queue matrix.missing does not exist";
    await until("it says so", () => runtime.log().includes(problem));
    await declare(MISSING);
    await publish(MISSING, abc);
    await until("they come", async () => (await runsOf(MISSING)).length === 1, 60_000);
    expect(await deliveriesOf(MISSING)).toEqual(each([0]));
  });

  test("disabled: nothing is taken; enabled again, what waited comes", async () => {
    await publish(DISABLED, abc);
    expect(await look(DISABLED)).toMatchObject({ consumerCount: 0, messageCount: 3 });
    expect(await runtime.stop()).toBe(0);
    // All that was not disabled is settled.
    for (const line of lines) expect(await look(line)).toMatchObject({ messageCount: 0 });
    await runtime.remove();

    runtime = await open("enabled: true");
    await runtime.start();
    await until("they come", async () => (await runsOf(DISABLED)).length === 1, 60_000);
    expect(await deliveriesOf(DISABLED)).toEqual(each([0]));
    expect(await runtime.stop()).toBe(0);
  });
});
