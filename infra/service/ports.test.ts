import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { freePorts, isOpen, portRow, portsFor } from "./ports.ts";

test("free ports are all different, and nobody listens there", async () => {
  const ports = await freePorts(5);
  expect(new Set(ports).size).toBe(5);
  expect(await Promise.all(ports.map(isOpen))).toEqual([false, false, false, false, false]);
});

test("a name keeps its port, unless a stranger listens there", async () => {
  const stranger = createServer().listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const { port: taken } = stranger.address() as AddressInfo;
  const [free] = await freePorts(1);

  const ports = await portsFor(["amqp", "management", "epmd"], { amqp: free!, management: taken });
  stranger.close();
  expect(ports.amqp).toBe(free);
  expect(ports.management).not.toBe(taken);
  expect(ports.epmd).toBeGreaterThan(0);
});

test("a row of ports begins where it did, unless a stranger listens in it", async () => {
  // Below the range from which systems choose ports, so that no other test takes one meanwhile.
  const base = 21_000 + (process.pid % 400) * 10;
  const stranger = createServer().listen(base + 1, "127.0.0.1");
  await once(stranger, "listening");

  expect(await portRow(2, base)).not.toBe(base);
  expect(await portRow(2, base + 2)).toBe(base + 2);
  stranger.close();
});
