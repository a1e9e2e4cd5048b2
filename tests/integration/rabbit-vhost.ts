import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { GetMessage } from "amqplib";
import { withChannel } from "../../lib/rabbit/connection.ts";

const broker = {
  url: process.env["RABBITMQ_URL"] ?? "amqp://guest:guest@127.0.0.1:5672",
  management: process.env["RABBITMQ_MANAGEMENT_URL"] ?? "http://127.0.0.1:15672",
};

export type Vhost = { url: string; managementUrl: string; remove: () => Promise<void> };

/** A vhost of its own on the tests' broker, so that test files never meet. */
export async function newVhost(): Promise<Vhost> {
  const name = `test-${randomUUID()}`;
  const address = new URL(broker.url);
  const login = `${address.username}:${address.password}`;
  address.pathname = `/${name}`;

  const call = async (method: "PUT" | "DELETE") => {
    const answer = await fetch(`${broker.management}/api/vhosts/${name}`, {
      method,
      headers: { authorization: `Basic ${btoa(decodeURIComponent(login))}` },
      signal: AbortSignal.timeout(20_000),
    });
    if (!answer.ok) throw new Error(`${method} of a vhost is answered with ${answer.status}`);
  };
  await call("PUT");
  return { url: address.href, managementUrl: broker.management, remove: () => call("DELETE") };
}

/** Takes what lies in a queue, and removes it. */
export async function drain(url: string, queue: string): Promise<GetMessage[]> {
  return withChannel({ url, name: "test drain" }, async (channel) => {
    const messages: GetMessage[] = [];
    for (;;) {
      const message = await channel.get(queue, { noAck: true });
      if (message === false) return messages;
      messages.push(message);
    }
  });
}

/** Empties a queue and says how many messages lay in it. */
export async function purge(url: string, queue: string): Promise<number> {
  return withChannel({ url, name: "test purge" }, async (channel) => {
    const { messageCount } = await channel.purgeQueue(queue);
    return messageCount;
  });
}

/** Looks every `everyMs` until `check` is true; fails by name after `ms`. Also for hooks. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  ms = 20_000,
  everyMs = 25,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(everyMs);
  }
}
