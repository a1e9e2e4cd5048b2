import { digestOf } from "../../lib/envelope/envelope.ts";
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import type { GetMessage } from "amqplib";
import * as z from "zod";
import { ledger as ledgerVariables, readConfig, variables } from "../../lib/config.ts";
import type { HostedFunction } from "../../lib/host/declaration.ts";
import { openLedger } from "../../lib/ledger/open-ledger.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { rabbitConnection, withChannel } from "../../lib/rabbit/connection.ts";
import { HEADER } from "../../lib/rabbit/headers.ts";
import { deadQueue } from "../../lib/rabbit/names.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { hostFolder, untilReady } from "../integration/host-process.ts";
import { environment } from "../integration/lane.ts";
import { newVhost, until } from "../integration/rabbit-vhost.ts";
import { depths } from "../shop/queues.ts";
import { plantedIn } from "./faults.ts";
import { FAULTY, type Patience, PATIENT } from "./patience.ts";
import type { Produced, Stage, Subject } from "./subject.ts";
import { isRecord, proxyTo, through } from "./wires.ts";

/** A declared function with a queue, and the types that it accepts. */
export type Consuming = {
  hosted: HostedFunction;
  queue: string;
  accepts: readonly string[];
};

/** One function in a separate host, on real services, each behind a wire that can be cut. */
export type Rig = {
  stage: Stage;
  patience: Patience;
  /** Resolves after the broker's confirm. A string is sent as the body, unchanged. */
  publish: (bodies: readonly (Produced | string)[]) => Promise<void>;
  /** Holds the writes that would record events of this tenant as done. */
  holdRecord: (tenant: string) => void;
  /** The number of held writes. */
  recordsHeld: () => number;
  releaseRecord: () => void;
  /** Pauses the worker processes; the broker still sends them their prefetch. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  /** `kill -9` of every worker; resolves with their number once all have ended. */
  kill: () => Promise<number>;
  /** Cuts the host's connections to the broker; the host reconnects. */
  loseChannels: () => void;
  /** Lines of the host's log so far. */
  lines: () => Record<string, unknown>[];
  /** Settled messages so far, for each worker that has settled any. */
  settledByWorker: () => Promise<number[]>;
  /** Dead letters so far; removes them from their queue. */
  letters: () => Promise<GetMessage[]>;
  /** Whether each event is done in the ledger, or a dead letter. */
  isSettled: (events: readonly Produced[]) => Promise<boolean>;
  /** Whether work and retry queues are empty. */
  isDrained: () => Promise<boolean>;
  /** Stops the host as an operator does; resolves with its problems. */
  stop: () => Promise<string[]>;
  /** Messages of each queue that is not empty, without dead letters. */
  left: () => Promise<Record<string, number>>;
  close: () => Promise<void>;
};

const config = z.object({ RETRY_DELAYS: variables.RETRY_DELAYS }).and(ledgerVariables);

const START_MS = 120_000;

/** Maximum batch of every function, whatever serverless.yml says: one scenario needs it. */
export const BATCH = 100;

export async function openRig({
  subject,
  consuming: { hosted, queue, accepts },
  workers,
  timeoutS,
  fault,
}: {
  subject: Subject;
  consuming: Consuming;
  workers: number;
  /** The function's time-out; its claims are valid for this time plus 30 s. */
  timeoutS: number;
  /** The name of a fault in faults.ts. */
  fault: string | undefined;
}): Promise<Rig> {
  const vhost = await newVhost();
  const { url, managementUrl } = vhost;
  const [broker, dynamodb, redis] = await Promise.all([
    proxyTo(url),
    proxyTo(environment["AWS_ENDPOINT_URL_DYNAMODB"]!),
    proxyTo(environment["REDIS_URL"]!),
  ]);
  const settings = readConfig(config, environment);
  const ledger = settings.LEDGER === "redis" ? redis : dynamodb;
  const { RETRY_DELAYS: retryDelays } = settings;
  const topology = topologyOf({ consumers: [{ queue, accepts }], retryDelays });
  const others = topologyOf({ consumers: subject.queues ?? [], retryDelays: [] });
  await withChannel({ url, name: "guarantees" }, async (channel) => {
    await applyTopology(channel, topology);
    await applyTopology(channel, others);
  });
  const rows = await openLedger({
    config: settings,
    consumer: { name: hosted.name, repeatable: true },
    now: Date.now,
    random: Math.random,
    warn: () => {},
  });
  const connection = rabbitConnection({ url, name: "guarantees" });
  const channel = await connection.channel();
  const publisher = rabbitPublisher({ url, name: "guarantees" });
  const stage = await subject.open({ broker, dynamodb, url });

  const { name, file, exported } = hosted;
  const folder = await hostFolder(
    JSON.stringify({
      functions: {
        [name]: {
          handler: `handler.${exported}`,
          timeout: timeoutS,
          events: [{ rabbitmq: { queue, batchSize: BATCH, maximumBatchingWindow: 1 } }],
        },
      },
    }),
    { handler: `export * from ${JSON.stringify(pathToFileURL(file).href)};` },
  );
  const host = folder.start(["--admin-port", "0", "--workers", String(workers)], {
    ...environment,
    ...plantedIn(fault),
    RABBITMQ_URL: through(url, broker.port),
    AWS_ENDPOINT_URL_DYNAMODB: through(environment["AWS_ENDPOINT_URL_DYNAMODB"]!, dynamodb.port),
    REDIS_URL: through(environment["REDIS_URL"]!, redis.port),
    // Repeats have a line each at this level only.
    LOG_LEVEL: "debug",
    ...stage.environment,
  });
  const letters: GetMessage[] = [];
  const queues = topology.queues.map((one) => one.name).filter((one) => one !== deadQueue(queue));

  async function pids(): Promise<readonly number[]> {
    return (await host.status())?.functions[name]?.pids ?? [];
  }
  const deaths = () => host.lines().filter(({ msg }) => msg === "a worker died");
  let killed = 0;
  const depth = async (one: string) => (await channel.checkQueue(one)).messageCount;

  async function isDrained(): Promise<boolean> {
    return (await Promise.all(queues.map(depth))).every((count) => count === 0);
  }

  async function signalAll(signal: NodeJS.Signals): Promise<number> {
    const all = await pids();
    for (const pid of all) process.kill(pid, signal);
    return all.length;
  }

  async function close(): Promise<void> {
    await folder.remove();
    await stage.close();
    await Promise.all([connection.close(), publisher.close()]);
    rows.close();
    await Promise.all([broker, dynamodb, redis].map((proxy) => proxy.close()));
    await vhost.remove();
  }

  try {
    // Many hosts start at once.
    await untilReady(host, START_MS);
  } catch (error) {
    console.log(
      host
        .lines()
        .map((line) => JSON.stringify(line))
        .join("\n"),
    );
    await close();
    throw error;
  }
  return {
    stage,
    patience: fault === undefined ? PATIENT : FAULTY,
    async publish(bodies) {
      const [anyType] = accepts;
      const sent = bodies.map((body) =>
        publisher.publish({
          exchange: "events",
          routingKey: typeof body === "string" ? anyType! : body.type,
          body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
        }),
      );
      await Promise.all(sent);
    },
    holdRecord: (tenant) => ledger.hold((request) => isRecord(request, tenant)),
    recordsHeld: () => ledger.held(),
    releaseRecord: () => ledger.restore(),
    async pause() {
      await until("all workers run", async () => (await pids()).length === workers);
      await signalAll("SIGSTOP");
    },
    async resume() {
      await until("the broker has sent all", isDrained);
      await signalAll("SIGCONT");
    },
    async kill() {
      const count = await signalAll("SIGKILL");
      killed += count;
      await until("the workers have ended", () => deaths().length === killed);
      return count;
    },
    loseChannels() {
      broker.cut();
      broker.restore();
    },
    lines: host.lines,
    async settledByWorker() {
      const text = await (await host.fetch("/metrics")).text();
      const counts = new Map<string, number>();
      const found = text.matchAll(/^warren_outcomes_total{.*worker="([^"]+)".*} (\d+)$/gm);
      for (const [, worker = "", count] of found) {
        counts.set(worker, (counts.get(worker) ?? 0) + Number(count));
      }
      return [...counts.values()];
    },
    async letters() {
      for (;;) {
        const letter = await channel.get(deadQueue(queue), { noAck: true });
        if (letter === false) return letters;
        letters.push(letter);
      }
    },
    async isSettled(events) {
      const ids = events.map(({ id }) => id);
      const made = [...(stage.descendants ?? [])].filter(([, id]) => ids.includes(id));
      const asked = [
        ...events.map((event) => ({ ...event, digest: digestOf(event) })),
        ...made.map(([id]) => ({ ...events[0]!, id, source: "notifier", digest: "" })),
      ];
      const found = await rows.look(
        asked.map(({ tenant_id: tenant, source, id, digest }) => ({
          key: { tenant, source, id },
          digest,
          fresh: false,
        })),
      );
      return found.every(
        (row) => row?.state === "done" || (row?.state === "forwarded" && row.attempt === "dead"),
      );
    },
    isDrained,
    async stop() {
      const isEmpty = async () => {
        const all = await depths({ url, managementUrl });
        return queues.every((one) => all.get(one) === 0);
      };
      const problems: string[] = [];
      await until("no message is under way", isEmpty, 30_000, 200).catch(() => {});
      host.process.kill("SIGTERM");
      const { exitCode, signalCode } = host.process;
      if (exitCode === null && signalCode === null) await once(host.process, "exit");
      const code = await host.exit;
      if (code !== 0) problems.push(`the host ended with ${code}`);
      const ends = deaths().map(({ end }) => end);
      if (ends.length !== killed)
        problems.push(`${ends.length} workers ended, ${killed} were killed: ${ends.join()}`);
      return problems;
    },
    async left() {
      const counts = await Promise.all(queues.map(async (one) => [one, await depth(one)] as const));
      return Object.fromEntries(counts.filter(([, count]) => count > 0));
    },
    close,
  };
}

/** Of a dead letter. */
export function reasonOf({ properties }: GetMessage): string {
  return String(properties.headers?.[HEADER.reason]);
}
