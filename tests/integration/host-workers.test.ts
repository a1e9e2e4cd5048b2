import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { type Folder, type HostProcess, hostFolder, untilReady } from "./host-process.ts";
import { drain, newVhost, until, type Vhost } from "./rabbit-vhost.ts";

const QUEUE = "events.probe";
const SLOW_QUEUE = "events.slow";
const queueFunction = (timeout = 30, batchSize = 10, queue = QUEUE) => `
functions:
  probe:
    handler: probe.handler
    timeout: ${timeout}
    events:
      - rabbitmq: { queue: ${queue}, batchSize: ${batchSize}, arn: "\${param:arn}" }
`;

let vhost: Vhost;
let folder: Folder;
/** The last test's. A worker that never yields is killed after 11 s: it does so during the other tests. */
let outliving: { folder: Folder; host: HostProcess };
let env: Record<string, string>;

beforeAll(async () => {
  vhost = await newVhost();
  env = { RABBITMQ_URL: vhost.url };
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    for (const queue of [QUEUE, SLOW_QUEUE])
      await channel.assertQueue(queue, { arguments: { "x-queue-type": "quorum" } });
  });
  const slow = await hostFolder(queueFunction(1, 10, SLOW_QUEUE), {
    probe: `export const handler = async (event) => {
      const [{ basicProperties: { headers } }] = Object.values(event.rmqMessagesByQueue).flat();
      const count = headers["x-delivery-count"] ?? 0;
      record({ count });
      if (count === 0) await new Promise((resolve) => setTimeout(resolve, 60_000));
      if (count === 1) while (true);
    };`,
  });
  outliving = { folder: slow, host: slow.start([], env) };
  await publishTo(SLOW_QUEUE, "a");
});
afterAll(async () => {
  await outliving.folder.remove();
  await vhost.remove();
});
afterEach(async () => {
  await folder.remove();
  await drain(vhost.url, QUEUE);
});

const publish = (...bodies: string[]) => publishTo(QUEUE, ...bodies);

async function publishTo(queue: string, ...bodies: string[]): Promise<void> {
  const publisher = rabbitPublisher({ url: vhost.url, name: "test publisher" });
  const publishing = bodies.map((body) =>
    publisher.publish({ exchange: "", routingKey: queue, body: Buffer.from(body) }),
  );
  await Promise.all(publishing);
  await publisher.close();
}

async function ready(args: string[] = [], more: Record<string, string> = {}): Promise<HostProcess> {
  const host = folder.start(["--admin-port", "0", ...args], { ...env, ...more });
  await untilReady(host);
  return host;
}

const recorded = async (key: string) => (await folder.records()).filter((one) => key in one);
const logged = (host: HostProcess, msg: string) =>
  host.lines().filter((line) => line["msg"] === msg);
const depth = () =>
  withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    return (await channel.checkQueue(QUEUE)).messageCount;
  });

test("a message of 70 MiB ends in the dead letters, also when no copy can be published", async () => {
  const big = "events.big";
  const quorum = { "x-queue-type": "quorum", "x-overflow": "reject-publish" };
  const to = { "x-dead-letter-exchange": "", "x-dead-letter-strategy": "at-least-once" };
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.assertQueue(big, {
      arguments: { ...quorum, ...to, "x-dead-letter-routing-key": "moved" },
    });
    // There is no queue for a copy, only for what the broker moves.
    await channel.assertQueue("moved", { arguments: { "x-queue-type": "quorum" } });
    channel.sendToQueue(big, Buffer.alloc(70 * 1_024 ** 2), { persistent: true });
  });
  folder = await hostFolder(queueFunction().replace(QUEUE, big), {
    probe: `export const handler = async () => record({ called: true });`,
  });
  await ready();
  const moved = () =>
    withChannel({ url: vhost.url, name: "test" }, async (channel) => {
      return (await channel.checkQueue("moved")).messageCount;
    });
  await until("the broker has moved it", async () => (await moved()) === 1, 60_000);
  await drain(vhost.url, "moved");
  expect(await drain(vhost.url, big)).toEqual([]);
  expect(await folder.records()).toEqual([]);
}, 90_000);

test("runs as many workers as asked, with small batches, and tells of them", async () => {
  folder = await hostFolder(queueFunction(), {
    probe: `export const handler = async (event, context) => {
      record({ bodies: bodiesOf(event), name: context.functionName, left: context.getRemainingTimeInMillis() });
    };`,
  });
  const host = await ready(["--queue", "probe", "--workers", "2", "--prefetch", "3"]);
  await publish(...Array.from({ length: 9 }, (_, i) => `${i}`));
  const bodies = async () => (await folder.records()).flatMap((one) => one["bodies"] as string[]);
  await until("all come", async () => (await bodies()).length === 9);

  const records = await folder.records();
  expect(Math.max(...records.map((one) => (one["bodies"] as string[]).length))).toBeLessThan(4);
  expect(records[0]).toMatchObject({ name: "probe", left: expect.closeTo(30_000, -3) });
  const { functions } = (await host.status())!;
  expect(functions).toEqual({
    probe: {
      ready: true,
      restarts: 0,
      queue: QUEUE,
      pids: [expect.any(Number), expect.any(Number)],
    },
  });
  expect((await host.fetch("/health/ready")).status).toBe(200);
  expect((await host.fetch("/health/live")).status).toBe(200);
  expect((await host.fetch("/elsewhere")).status).toBe(404);
  expect(await (await host.fetch("/metrics")).text()).toContain(
    'warren_host_redelivered_total{function="probe",worker="probe-1"} 0',
  );
});

test("a worker killed in the middle of a batch is replaced, and its batch comes again", async () => {
  folder = await hostFolder(queueFunction(), {
    probe: `export const handler = async (event) => {
      const [record0] = Object.values(event.rmqMessagesByQueue).flat();
      record({ redelivered: record0.redelivered });
      if (!record0.redelivered) await new Promise((resolve) => setTimeout(resolve, 60_000));
      record({ ended: true });
    };`,
  });
  const host = await ready();
  await publish("a");
  await until("it runs", async () => (await folder.records()).length === 1);
  process.kill((await folder.records())[0]!["pid"] as number, "SIGKILL");
  await until("it is done by another", async () => (await recorded("ended")).length === 1);

  expect((await folder.records())[1]).toMatchObject({ redelivered: true });
  expect((await host.status())?.functions["probe"]).toMatchObject({ ready: true, restarts: 1 });
  expect(logged(host, "a worker died")).toMatchObject([{ end: "SIGKILL", function: "probe" }]);
});

test("SIGTERM to the whole group lets the running batch finish, leaves the rest in the queue, and ends with 0", async () => {
  folder = await hostFolder(queueFunction(30, 2), {
    probe: `export const handler = async () => {
      record({ started: true });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      record({ ended: true });
    };
    export const close = async () => record({ closed: true });`,
  });
  const host = await ready();
  await publish("a", "b", "c", "d", "e");
  await until("it runs", async () => (await recorded("started")).length === 1);
  const { pids } = (await host.status())!.functions["probe"]!;
  for (const pid of [host.process.pid!, ...pids!]) process.kill(pid, "SIGTERM");

  expect(await host.exit).toBe(0);
  expect(await recorded("ended")).toHaveLength(1);
  expect(await recorded("closed")).toHaveLength(1);
  expect(await depth()).toBe(3);
});

test("SIGTERM ends workers that are only just starting with 0", async () => {
  folder = await hostFolder(queueFunction(), { probe: `export const handler = async () => {};` });
  const host = folder.start([], env);
  await until("it starts one", async () => logged(host, "a worker starts").length === 1);
  host.process.kill("SIGTERM");

  expect(await host.exit).toBe(0);
});

test("a batch that does not end within the grace time is handed back", async () => {
  folder = await hostFolder(queueFunction(), {
    probe: `export const handler = (event, { signal }) => new Promise((_, reject) => {
      record({ started: true });
      signal.addEventListener("abort", () => reject(signal.reason));
    });`,
  });
  const host = await ready(["--grace", "3s"]);
  await publish("a", "b");
  await until("it runs", async () => (await recorded("started")).length === 1);
  host.process.kill("SIGTERM");

  expect(await host.exit).toBe(0);
  expect(await depth()).toBe(2);
});

// A second to finish, then two for the settling that the stop has met: a publish may last.
const settling = `export const handler = (event, { signal }) => new Promise((resolve) => {
  record({ started: true });
  signal.addEventListener("abort", () => setTimeout(resolve, 1_200));
});`;

test("settling that a stop meets has most of the grace time to end", async () => {
  folder = await hostFolder(queueFunction(), { probe: settling });
  const host = await ready(["--grace", "3s"]);
  await publish("a");
  await until("it runs", async () => (await recorded("started")).length === 1);
  host.process.kill("SIGTERM");

  expect(await host.exit).toBe(0);
  expect(logged(host, "a worker did not end in time: killed")).toEqual([]);
  expect(await depth()).toBe(0);
});

test("what still runs after the grace time is killed, and its batch comes again", async () => {
  folder = await hostFolder(queueFunction(), { probe: settling });
  const host = await ready(["--grace", "1s"]);
  await publish("a");
  await until("it runs", async () => (await recorded("started")).length === 1);
  host.process.kill("SIGTERM");

  expect(await host.exit).toBe(1);
  expect(logged(host, "a worker did not end in time: killed")).toHaveLength(1);
  await until("it is back", async () => (await depth()) === 1);
});

test("the admin server listens on 127.0.0.1 alone unless it is told otherwise", async () => {
  folder = await hostFolder(queueFunction(), { probe: `export const handler = async () => {};` });
  // Linux reaches all of 127.0.0.0/8 on itself.
  const live = async (host: HostProcess) => {
    const { port } = new URL(logged(host, "admin")[0]!["url"] as string);
    const signal = AbortSignal.timeout(5_000);
    return fetch(`http://127.0.0.2:${port}/health/live`, { signal }).then(({ status }) => status);
  };

  await expect(live(await ready())).rejects.toThrow("fetch failed");
  expect(await live(await ready(["--admin-bind", "0.0.0.0"]))).toBe(200);
});

test("workers end when their supervisor is killed", async () => {
  folder = await hostFolder(queueFunction(), { probe: `export const handler = async () => {};` });
  const host = await ready();
  const [pid] = (await host.status())!.functions["probe"]!.pids!;
  host.process.kill("SIGKILL");
  await until("the worker is gone", () => !isRunning(pid!));
  expect(logged(host, "takes messages")).toHaveLength(1);
});

test("a bad environment stops the start and names every wrong variable of every function", async () => {
  folder = await hostFolder(
    `${queueFunction()}  other: { handler: other.handler, events: [schedule: rate(1 hour)] }`,
    {
      probe: `export const handler = async () => {};`,
      other: `import { readConfig } from ${JSON.stringify(moduleOf("lib/config.ts"))};
        import * as z from ${JSON.stringify(moduleOf("node_modules/zod/index.js"))};
        readConfig(z.object({ API_KEY: z.string(), COLOUR: z.enum(["red"]) }), process.env);
        export const handler = async () => {};`,
    },
  );
  const host = folder.start([], { RABBITMQ_URL: "http://nowhere", COLOUR: "s3cret" });

  expect(await host.exit).toBe(78);
  const refusals = host.lines().filter(({ level }) => level === 60);
  const text = refusals.map(({ msg }) => msg).join("\n");
  expect(text).toContain("RABBITMQ_URL: must be an amqp:// or amqps:// URL");
  expect(text).toContain("API_KEY: is required");
  expect(text).toContain("COLOUR: Invalid input");
  expect(text).not.toContain("s3cret");
  expect(logged(host, "a worker died")).toEqual([]);
});

test.each([
  [["mial"], "no function mial with an event in serverless.yml: there are probe"],
  [["--queue", "mail"], "no function has a queue mail: there are events.probe"],
  [["--workers", "0"], "It must be 1 to 1000."],
  [["--wrokers", "1"], "unknown option '--wrokers'"],
  [["--grace", "25"], "It must be a duration from 1ms to 24h, such as 500ms, 5s"],
  [["--admin-bind", "0.0.0.0"], "--admin-bind: needs --admin-port"],
])("`host %s` is refused with what there is", async (args, message) => {
  folder = await hostFolder(queueFunction(), { probe: `export const handler = async () => {};` });
  const host = folder.start(args, env);
  expect(await host.exit).toBe(2);
  expect(
    host
      .lines()
      .map(({ text }) => text)
      .join("\n"),
  ).toContain(message);
});

test("serves an HTTP function and lets its requests end", async () => {
  folder = await hostFolder(
    `functions: { door: { handler: door.handler, events: [httpApi: GET /slow] } }`,
    {
      door: `export const app = { async fetch(request) {
        record({ path: new URL(request.url).pathname });
        await new Promise((resolve) => setTimeout(resolve, 500));
        return new Response("slowly");
      } };
      export const close = async () => record({ closed: true });`,
    },
  );
  const host = await ready([], { PORT: "0" });
  const { url, pid } = (await host.status())!.functions["door"]!;
  expect(pid).toBeGreaterThan(0);
  const answer = fetch(`${url}/slow`).then((response) => response.text());
  await until("the request runs", async () => (await recorded("path")).length === 1);
  host.process.kill("SIGTERM");

  expect(await answer).toBe("slowly");
  expect(await host.exit).toBe(0);
  expect(await recorded("closed")).toHaveLength(1);
});

test("a handler that outlives its time-out ends its process, also when it never yields", async () => {
  const { folder: slow, host } = outliving;
  await until("it comes a third time", async () => (await slow.records()).length === 3, 60_000);

  expect(logged(host, "the handler exceeded its time-out")).toMatchObject([{ timeout_ms: 1_000 }]);
  expect(logged(host, "a worker died")).toMatchObject([{ end: "exit 124" }, { end: "SIGKILL" }]);
});

function moduleOf(path: string): string {
  return new URL(`../../${path}`, import.meta.url).href;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
