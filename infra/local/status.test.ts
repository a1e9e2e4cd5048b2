import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { healthOf } from "./health.ts";
import { status, tableOf } from "./status.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "warren-status-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("a broker that died is not shown as if it were alive", async () => {
  await mkdir(join(directory, "rabbitmq"));
  // Port 1: nobody has it.
  const given = JSON.stringify({ RABBITMQ_URL: "amqp://u:s3cret@127.0.0.1:1" });
  await writeFile(join(directory, "rabbitmq/given.json"), given);

  const current = await status(directory, {});
  expect(current.ready).toBe(false);
  expect(current.services).toEqual({
    rabbitmq: { url: "amqp://u:s3cret@127.0.0.1:1", ready: false },
  });
  expect(tableOf(current)).toMatch(/RabbitMQ +DOES NOT ANSWER {2}amqp:\/\/127\.0\.0\.1:1/);
});

test("an HTTP function is as ready as it says itself", async () => {
  let answer = 200;
  const server = createServer((_, response) => {
    response.writeHead(answer).end('{"detail":"the broker cannot be reached"}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const functions = { ingest: { ready: true, url }, mail: { ready: true } };

  expect(await healthOf(functions)).toEqual(functions);
  answer = 503;
  expect(await healthOf(functions)).toEqual({
    ...functions,
    ingest: { ready: false, url, problem: "the broker cannot be reached" },
  });
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  expect((await healthOf(functions))["ingest"]).toMatchObject({
    ready: false,
    problem: "does not report whether it is ready",
  });
});
