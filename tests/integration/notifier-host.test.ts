import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test } from "vitest";
import { run } from "../../infra/cli/program.ts";
import { addressKey, isOptedOut } from "../../kit/people/contact.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { dynamoProxy, passOn } from "./dynamo-proxy.ts";
import { type HostProcess, startHost, untilReady } from "./host-process.ts";
import { environment } from "./lane.ts";
import { bytesOf, eventOf, type NoticesVhost, noticesVhost, type Request } from "./notices.ts";
import { until } from "./rabbit-vhost.ts";

const RETRY_DELAYS = [200, 1_000];

let vhost: NoticesVhost;
const hosts: HostProcess[] = [];

/** `warren host` with contacts and notifier, both of DynamoDB at `dynamodb`. */
async function host(functions: string[], dynamodb?: string): Promise<HostProcess> {
  const args = [...functions, "--admin-port", "0", "--bind", "127.0.0.1"];
  const started = startHost(args, {
    ...environment,
    LEDGER: "dynamodb",
    RABBITMQ_URL: vhost.url,
    RETRY_DELAYS: RETRY_DELAYS.map((ms) => `${ms}ms`).join(),
    SHOP_RECIPIENTS: '{"*": [{"address": "stock@shop.example"}]}',
    ...(dynamodb !== undefined && { AWS_ENDPOINT_URL_DYNAMODB: dynamodb }),
  });
  hosts.push(started);
  await untilReady(started);
  return started;
}

async function endHosts(): Promise<void> {
  for (const { process: child } of hosts.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

beforeAll(async () => {
  vhost = await noticesVhost({ retryDelays: RETRY_DELAYS, smsLimit: 1 });
});
afterEach(endHosts);
afterAll(() => vhost.remove());

const newTenant = () => `t-${randomUUID()}`;
const ordered = (tenant: string, order_id: string, customer_id: string) =>
  eventOf(tenant, "order.created", {
    order_id,
    customer_id,
    items: [{ product_id: "p", quantity: 1, price: 1 }],
    total: 1,
    currency: "UAH",
  });

/** Collects what comes out for the senders until there are so many. */
async function requested(count: number): Promise<Request[]> {
  const all: Request[] = [];
  await until(`${count} requests`, async () => {
    all.push(...(await vhost.requests()));
    return all.length >= count;
  });
  return all;
}
const textsOf = (requests: readonly Request[]) => requests.map(({ text }) => text).sort();

test("events in, requests out: each once, also for an event that comes again", async () => {
  const running = await host(["contacts", "notifier"]);
  onTestFailed(() => console.log(JSON.stringify(running.lines().slice(-30), null, 1)));
  const tenant = newTenant();
  const mail = eventOf(tenant, "notification.email", {
    template: "news",
    recipient: "olena@example.com",
  });
  const low = eventOf(tenant, "product.stock.low", { product_id: "p", quantity: 1 });
  // It comes before anybody has said whose order it is.
  const confirmed = eventOf(tenant, "order.confirmed", { order_id: "o1" });
  const nobody = eventOf(tenant, "order.confirmed", { order_id: "o9" });
  const unsubscribed = eventOf(tenant, "recipient.unsubscribed", {
    channel: "email",
    address: "olena@example.com",
    kind: "news",
  });

  await vhost.publish(confirmed, nobody, mail, low, mail, unsubscribed);
  await until("the order waits", () =>
    running.lines().some(({ id, outcome }) => id === confirmed.id && outcome === "retry"),
  );
  await vhost.publish(ordered(tenant, "o1", "u1"), mail);

  expect(textsOf(await requested(4))).toEqual([
    "email news olena@example.com",
    "email order.confirmed u1",
    "email product.stock.low stock@shop.example",
    "telegram order.confirmed u1",
  ]);
  // Nobody ever says whose the other order is.
  await until("its dead letter", async () => (await vhost.depth("dead.events.notifier")) === 1);
  const dead = running.lines().find(({ id, outcome }) => id === nobody.id && outcome === "dead");
  expect(dead).toMatchObject({
    reason: "out of attempts",
    error: expect.stringContaining("the customer of order o9 is not known yet"),
  });
  const directory = openDirectory({ table: environment["DIRECTORY_TABLE"]! });
  const key = addressKey(tenant, "email", "Olena@example.com");
  const wanted = { channel: "email", kind: "news" } as const;
  await until("the opt-out is stored", async () =>
    isOptedOut(await directory.read([key], new AbortController().signal), wanted),
  );
  await directory.close();
  // All has been settled by now: the repeats made no further request.
  await until("all queues are empty", async () => {
    const depths = await Promise.all(["events.contacts", "events.notifier"].map(vhost.depth));
    return depths.every((depth) => depth === 0);
  });
  await endHosts();
  expect(await vhost.requests()).toEqual([]);
  // No log tells who was written to.
  expect(JSON.stringify(running.lines())).not.toContain("olena@");
});

test("killed between publish and complete, it asks again for the very same", async () => {
  const proxy = await dynamoProxy(environment["AWS_ENDPOINT_URL_DYNAMODB"]!);
  try {
    // The ledger is read, and what is written to it never gets there.
    let stuck = 0;
    proxy.playOn(async (exchange) => {
      if (/BatchExecuteStatement|UpdateItem/.test(exchange.operation)) stuck += 1;
      else await passOn(exchange);
    });
    const first = await host(["notifier"], proxy.endpoint);
    const tenant = newTenant();
    await vhost.publish(
      ...["a", "b", "c"].map((name) =>
        eventOf(tenant, "payment.failed", {
          payment_id: `pay-${name}`,
          order_id: "o",
          customer_id: name,
        }),
      ),
    );
    const before = await requested(6);
    await until("it records that it is done", () => stuck > 0);
    const [pid] = (await first.status())!.functions["notifier"]!["pids"] as number[];
    first.process.kill("SIGKILL");
    process.kill(pid!, "SIGKILL");
    await once(first.process, "exit");
    hosts.splice(0);

    await host(["notifier"]);
    const after = await requested(6);
    await until("all is settled", async () => (await vhost.depth("events.notifier")) === 0);
    await endHosts();

    expect(textsOf(before)).toEqual(
      ["a", "b", "c"]
        .flatMap((id) => [`email payment.failed ${id}`, `push payment.failed ${id}`])
        .sort(),
    );
    // To a sender the second is a repeat: same id, same digest, down to the byte.
    expect(bytesOf(after)).toEqual(bytesOf(before));
    expect(await vhost.requests()).toEqual([]);
  } finally {
    await proxy.close();
  }
});

test("a full queue of one channel costs its own events the ladder, and no others a moment longer", async () => {
  const running = await host(["notifier"]);
  onTestFailed(() => console.log(JSON.stringify(running.lines().slice(-30), null, 1)));
  const tenant = newTenant();
  const sms = (n: number) =>
    eventOf(tenant, "notification.sms", { phone: "+1", message: String(n) });
  const mail = (n: number) =>
    eventOf(tenant, "notification.email", { template: "news", recipient: `a${n}@example.com` });
  const shipped = eventOf(tenant, "order.shipped", { order_id: "o", customer_id: "u1" });
  // A quorum queue takes some more than it may before it refuses.
  let filled = 0;
  await until("the queue is full", async () => {
    await vhost.publish(sms((filled += 1)));
    return running.lines().some(({ error }) => String(error).includes("a queue is full"));
  });

  const began = performance.now();
  await vhost.publish(shipped, mail(1), mail(2));
  const through = async () => (await vhost.depth("send.email")) >= 3;
  await until("the other channels have theirs", through);
  expect(performance.now() - began).toBeLessThan(RETRY_DELAYS[0]! + RETRY_DELAYS[1]! + 3_000);

  // What found no room for the whole ladder is kept, with the reason.
  const isDead = () =>
    running.lines().find(({ id, outcome }) => id === shipped.id && outcome === "dead");
  await until("the ladder has ended", () => isDead() !== undefined);
  expect(isDead()?.["error"]).toContain(
    "the broker refused events / sms.requested: a queue is full",
  );
  await until("all others too", async () => (await vhost.depth("events.notifier")) === 0);

  // With room again it is replayed: what was sent is asked for by the same id, nothing is lost.
  const before = await vhost.requests();
  expect(textsOf(before).filter((text) => text.includes("u1"))).not.toContain(
    "sms order.shipped u1",
  );
  process.env["RABBITMQ_URL"] = vhost.url;
  try {
    expect(await run(["dead-letters", "retry", "events.notifier", "--id", shipped.id])).toBe(0);
  } finally {
    process.env["RABBITMQ_URL"] = environment["RABBITMQ_URL"]!;
  }
  const after = await requested(3);
  expect(textsOf(after)).toEqual([
    "email order.shipped u1",
    "push order.shipped u1",
    "sms order.shipped u1",
  ]);
  const mailed = ({ text }: Request) => text === "email order.shipped u1";
  expect(new Set(before.filter(mailed).map(({ bytes }) => bytes))).toEqual(
    new Set(after.filter(mailed).map(({ bytes }) => bytes)),
  );
});
