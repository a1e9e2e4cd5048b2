import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { BrokerUnavailableError, PublishUnknownError } from "../../lib/rabbit/errors.ts";
import { rabbitForward } from "../../lib/rabbit/forward.ts";
import { deliveryHeaders } from "../../lib/trigger/event.ts";
import { rabbitPublisher, type RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { type Broker, brokerInstalled, ownBroker } from "./rabbit-broker.ts";
import { drain, purge, until } from "./rabbit-vhost.ts";

/** What only a broker that nobody else uses can show. */
describe.runIf(brokerInstalled)("a broker in trouble", () => {
  const retryDelays = [300, 1_000];
  const topology = topologyOf({
    consumers: [
      { queue: "events.graph", accepts: ["order.paid"] },
      { queue: "events.mail", accepts: ["order.paid"] },
    ],
    retryDelays,
  });
  let broker: Broker;
  let publisher: RabbitPublisher;

  beforeAll(async () => {
    broker = await ownBroker();
    await broker.start();
    await onChannel((channel) => applyTopology(channel, topology));
  });
  afterAll(() => broker.remove());
  beforeEach(() => {
    publisher = rabbitPublisher({ url: broker.url, name: "test", timeoutMs: 1_500 });
  });
  afterEach(async () => {
    await publisher.close();
    await purge(broker.url, "events.graph");
  });

  const onChannel = <T>(work: Parameters<typeof withChannel<T>>[1]) =>
    withChannel({ url: broker.url, name: "test" }, work);
  const publish = (text: string, routingKey = "events.graph") =>
    publisher.publish({ exchange: "", routingKey, body: Buffer.from(text) });

  test("a full queue of one consumer delays no retry of another, and loses nothing", async () => {
    await onChannel(async (channel) => {
      await channel.deleteQueue("events.mail");
      const { arguments: args } = topology.queues.find(({ name }) => name === "events.mail")!;
      await channel.assertQueue("events.mail", { arguments: { ...args, "x-max-length": 1 } });
    });
    const mail = rabbitForward({ publisher, queue: "events.mail", retryDelays });
    const graph = rabbitForward({ publisher, queue: "events.graph", retryDelays });
    const when = { delayMs: 300, notBefore: undefined, suspect: false, firstFailedAt: undefined };
    const copy = { attempt: 2, generation: 1, ...when };
    const named = (i: number) => ({ body: Buffer.from(`m${i}`), ...deliveryHeaders({}) });
    const names = Array.from({ length: 50 }, (_, i) => `m${i}`);

    const fill = async () => {
      for (let i = 0; i < 10; i += 1) await publish("filler", "events.mail");
    };
    await expect(fill()).rejects.toThrow("the broker refused events.mail: a queue is full");
    await Promise.all(names.map((_, i) => mail.retry(named(i), copy)));
    await until("mail's copies have expired", async () => {
      return (await ready("events.mail.retry.300ms")) === 0;
    });

    const sent = performance.now();
    await graph.retry(named(0), copy);
    await until("graph's copy is back", async () => (await ready("events.graph")) === 1);
    expect(performance.now() - sent).toBeLessThan(1_300);

    const back: string[] = [];
    await until(
      "all of mail's copies are back",
      async () => {
        const messages = await drain(broker.url, "events.mail");
        const texts = messages.map(({ content }) => content.toString());
        back.push(...texts.filter((text) => text !== "filler"));
        return back.length >= 50;
      },
      90_000,
    );
    expect(back.toSorted()).toEqual(names.toSorted());
  });

  test("messages for a queue that never confirms do not keep the slots of all others", async () => {
    const narrow = rabbitPublisher({
      url: broker.url,
      name: "narrow",
      maxInFlight: 3,
      timeoutMs: 700,
    });
    const send = (routingKey: string) =>
      narrow.publish({ exchange: "", routingKey, body: Buffer.from("{}") });
    await send("events.graph");
    // The queue's own process stands still, as without a majority of its replicas.
    await broker.ctl("eval", "sys:suspend('%2F_events.mail').");
    const stuck = Array.from({ length: 3 }, () => send("events.mail"));
    await Promise.all(stuck.map((one) => expect(one).rejects.toThrow(PublishUnknownError)));
    await send("events.graph");

    await broker.ctl("eval", "sys:resume('%2F_events.mail').");
    await narrow.close();
    expect(await purge(broker.url, "events.graph")).toBe(2);
    await purge(broker.url, "events.mail");
  });

  test("a broker short of memory is not ready, and what waits for it is not published", async () => {
    await publish("before");
    await broker.ctl("set_vm_memory_high_watermark", "0.00001");
    // The alarm may come a moment later. The broker tells a connection only once it publishes; that
    // message stays in its socket.
    const early: string[] = [];
    await until("the broker reads no more", async () => {
      const text = `early ${early.length}`;
      early.push(text);
      return publish(text).then(
        () => false,
        (error: unknown) => error instanceof PublishUnknownError,
      );
    });
    expect(publisher.ready()).toBe(false);
    await expect(publish("waiting")).rejects.toThrow(
      "not published within 1500 ms: the broker blocks publishers (its memory or disk alarm)",
    );
    await broker.ctl("set_vm_memory_high_watermark", "0.6");
    await until("ready", () => publisher.ready());
    await publish("after");

    const stored = (await drain(broker.url, "events.graph")).map(({ content }) =>
      content.toString(),
    );
    expect(stored).toEqual(["before", ...early, "after"]);
  });

  test("a killed broker fails what is in flight at once; all that it confirmed survives", async () => {
    const confirmed: string[] = [];
    const errors: unknown[] = [];
    let killed: Promise<void> | undefined;
    let killedAt = 0;
    const sending = Array.from({ length: 20_000 }, async (_, i) => {
      try {
        await publish(String(i));
      } catch (error) {
        errors.push(error);
        return;
      }
      confirmed.push(String(i));
      if (killed) return;
      killedAt = performance.now();
      killed = broker.kill();
    });
    await until("the first unknown", () => errors.length > 0);
    expect(performance.now() - killedAt).toBeLessThan(1_000);
    await Promise.all([...sending, killed]);

    const unexpected = errors.filter(
      (error) => !(error instanceof PublishUnknownError || error instanceof BrokerUnavailableError),
    );
    expect(unexpected).toEqual([]);
    expect(publisher.ready()).toBe(false);

    await broker.start();
    await until("ready", () => publisher.ready());
    await publish("after");

    const stored = (await drain(broker.url, "events.graph")).map(({ content }) =>
      content.toString(),
    );
    const storedOnce = new Set(stored);
    expect(storedOnce.size).toBe(stored.length);
    expect(confirmed.filter((text) => !storedOnce.has(text))).toEqual([]);
    expect(stored.at(-1)).toBe("after");
  });

  async function ready(queue: string): Promise<number> {
    return onChannel(async (channel) => (await channel.checkQueue(queue)).messageCount);
  }
});
