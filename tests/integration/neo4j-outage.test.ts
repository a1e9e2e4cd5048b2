import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Received } from "../../lib/envelope/envelope.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { dumpGraph, graphDriver } from "../shop/graph.ts";
import { NEVER, newTenant, received, removeTenants, server, worker } from "./neo4j.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";

const driver = graphDriver();
let proxy: TcpProxy;
let through: ReturnType<typeof worker>;

beforeAll(async () => {
  const { hostname, port } = new URL(server.url);
  proxy = await tcpProxy({ host: hostname, port: Number(port) });
  through = worker({ ...server, url: `bolt://127.0.0.1:${proxy.port}` });
});
afterEach(() => proxy.restore());
afterAll(async () => {
  await removeTenants(driver);
  await Promise.all([driver.close(), through.graph.close()]);
  await proxy.close();
});

const view = (tenant_id: string): Received =>
  received(through.consumer, {
    tenant_id,
    id: "evt_1",
    type: "interaction.viewed",
    data: { user_id: "u1", product_id: "p1" },
  });

test("a server that is gone is an outage, for writing and for the probe, until it is back", async () => {
  const tenant_id = newTenant();
  await through.consumer.probe(NEVER);

  proxy.cut();
  await expect(through.consumer.apply([view(tenant_id)], NEVER)).rejects.toThrow(OutageError);
  await expect(through.consumer.probe(NEVER)).rejects.toThrow(OutageError);

  proxy.restore();
  await through.consumer.probe(NEVER);
  expect(await through.consumer.apply([view(tenant_id)], NEVER)).toEqual([]);
});

test("an abort ends the call at once, even if the server is silent", async () => {
  const tenant_id = newTenant();
  await through.consumer.probe(NEVER);
  proxy.silence();
  const abort = new AbortController();

  const applying = through.consumer.apply([view(tenant_id)], abort.signal);
  const started = performance.now();
  abort.abort(new Error("out of time"));

  await expect(applying).rejects.toThrow("out of time");
  expect(performance.now() - started).toBeLessThan(1_000);
});

test("an abort ends the transaction on the server and frees its locks", async () => {
  const tenant_id = newTenant();
  const session = driver.session();
  const blocking = session.beginTransaction();
  await blocking.run("CREATE (:User {tenant_id: $tenant_id, user_id: 'u1'})", { tenant_id });
  const abort = new AbortController();

  const applying = through.consumer.apply([view(tenant_id)], abort.signal);
  await until(async () => (await waitingFor(tenant_id)) === 1);
  abort.abort(new Error("out of time"));

  await expect(applying).rejects.toThrow("out of time");
  await until(async () => (await waitingFor(tenant_id)) === 0);
  await blocking.rollback();
  await session.close();
  expect(await dumpGraph(driver, [tenant_id])).toEqual({ nodes: [], relationships: [] });
});

test("wrong credentials are an outage, and right again need no restart", async () => {
  const user = `u_${randomUUID().replaceAll("-", "")}`;
  const system = (text: string, password: string) =>
    driver.executeQuery(text, { user, password }, { database: "system" });
  await system("CREATE USER $user SET PASSWORD $password CHANGE NOT REQUIRED", "first-password");
  const { consumer, graph } = worker({ ...server, user, password: "later-password" });
  try {
    await expect(consumer.apply([view(newTenant())], NEVER)).rejects.toThrow(OutageError);
    // Also when the server has had enough of wrong passwords.
    for (let i = 0; i < 4; i += 1) await expect(consumer.probe(NEVER)).rejects.toThrow(OutageError);

    await system("ALTER USER $user SET PASSWORD $password", "later-password");
    await until(() =>
      consumer.probe(NEVER).then(
        () => true,
        () => false,
      ),
    );
    expect(await consumer.apply([view(newTenant())], NEVER)).toEqual([]);
  } finally {
    await graph.close();
    await system("DROP USER $user", "");
  }
});

/** How many of our transactions wait for a lock while they write this tenant. */
async function waitingFor(tenant_id: string): Promise<number> {
  const { records } = await driver.executeQuery(
    "SHOW TRANSACTIONS YIELD status, parameters RETURN status, parameters",
  );
  return records.filter((record) => {
    const { status, parameters } = record.toObject() as { status: string; parameters: unknown };
    return status.startsWith("Blocked") && JSON.stringify(parameters).includes(tenant_id);
  }).length;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("still not so after 15 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
