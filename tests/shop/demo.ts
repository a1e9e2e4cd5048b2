/**
 * `npm run demo`: posts the events of some shops to what `npm start` runs, waits until no queue holds
 * anything, and compares the graph, the points and the messages with what was expected. Exits with 1
 * on any difference. With --offline it does so to what `npm run offline` runs, and ends the environment
 * of a function while it projects a batch.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { QdrantClient } from "@qdrant/js-client-rest";
import type { Driver } from "neo4j-driver";
import * as z from "zod";
import { collectionVariables } from "../../kit/qdrant/config.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { DEV, ROOT } from "../../infra/service/instance.ts";
import { fileStore } from "../../infra/keys/file-store.ts";
import { createKey } from "../../infra/keys/key-store.ts";
import { keysFileOf } from "../../infra/local/keys.ts";
import { findOffline, type Offline } from "../../infra/local/offline-process.ts";
import { status, tableOf, type Status } from "../../infra/local/status.ts";
import type { Received } from "../../infra/providers/received.ts";
import { embedding, openEmbedder } from "../../kit/embedding/open-embedder.ts";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { UNCONSUMED } from "../../lib/rabbit/names.ts";
import { describe } from "./compare.ts";
import { asPosted, asReceived, shopEvents, type ShopEvent } from "./generator.ts";
import { printFigures, printPlace } from "./figures.ts";
import { graphDriver } from "./graph.ts";
import { crashInMidBatch } from "./mid-batch.ts";
import { postAll, type Posted, untilKnown } from "./post.ts";
import { progress } from "./progress.ts";
import { countApplied, timesApplied } from "./proofs.ts";
import { depths, ready } from "./queues.ts";
import { comparedGraph, comparedMessages, comparedPoints } from "./sinks.ts";

const USAGE = `Usage: npm run demo -- [--events 20000] [--duplicates 0.1] [--disorder 0.2] [--seed 1] [--offline]

  --events      how many different events
  --duplicates  the part of them that is posted again, later
  --disorder    the part of them that is posted later than its turn
  --offline     to what \`npm run offline\` runs, with a crash in mid-batch
`;

const part = z.coerce.number().min(0).max(1);
const flags = z.object({
  events: z.coerce.number().int().min(1).default(20_000),
  duplicates: part.default(0.1),
  disorder: part.default(0.2),
  seed: z.coerce.number().int().min(0).default(1),
  offline: z.boolean().default(false),
});
type Flags = z.infer<typeof flags>;

const TENANTS = 3;
const CONCURRENCY = 50;
/** serverless-offline has a worker thread for each request at a time, as Lambda an environment. */
const OFFLINE_CONCURRENCY = 4;
/** The projection has failed when nothing has come of it for so long: longer than an outage's waits. */
const PATIENCE_MS = 120_000;
/** The same for all queues: an event that came too early waits 5 minutes for its third attempt. */
const RETRIED_MS = 420_000;
/** How old the management API's figures may be. */
const STALE_MS = 5_500;

process.exitCode = await demo(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

async function demo(args: string[]): Promise<number> {
  const wanted = read(args);
  if (wanted === undefined) {
    console.error(USAGE);
    return 2;
  }
  const current = await status(DEV, process.env);
  const { rabbitmq, neo4j, qdrant, providers } = current.services;
  const offline = wanted.offline ? await findOffline() : undefined;
  const ingest = wanted.offline ? offline?.url : current.functions["ingest"]?.url;
  const isReady = wanted.offline || current.ready;
  if (!isReady || !rabbitmq?.management || !neo4j || !qdrant || !providers || !ingest) {
    const command = wanted.offline ? "npm run offline" : "npm start";
    console.error(`${tableOf(current)}\n\nThe demo needs all of it: \`${command}\` first.`);
    return 1;
  }
  const missing = wanted.offline ? [] : await notStarted(current);
  if (missing.length > 0) {
    console.error(
      `${tableOf(current)}\n\nThe demo also needs ${missing.join(", ")}: \`npm start\` starts them.`,
    );
    return 1;
  }
  const driver = graphDriver(neo4j);
  const { url, management: managementUrl } = rabbitmq;
  const points = connect({ url: qdrant.url, apiKey: qdrant.apiKey });
  const ends = new URL(providers.url);
  const place = { url: ingest, driver, points, ends, broker: { url, managementUrl }, offline };
  try {
    return await run(wanted, { ...place, current });
  } finally {
    await driver.close();
  }
}

/** Functions with a queue that do not run: their messages would stay in it, and the demo would wait for them. */
async function notStarted({ functions }: Status): Promise<string[]> {
  const declared = await readDeclaration(ROOT);
  return declared.flatMap(({ name, trigger }) =>
    trigger.kind === "queue" && !(name in functions) ? [name] : [],
  );
}

type Place = {
  url: string;
  driver: Driver;
  points: QdrantClient;
  /** Of all channels. */
  ends: URL;
  broker: { url: string; managementUrl: string };
  current: Status;
  offline: Offline | undefined;
};

async function run(wanted: Flags, place: Place): Promise<number> {
  const { url, driver, broker, current, offline } = place;
  // New tenants each time: earlier runs left their graphs.
  const prefix = `demo-${Date.now().toString(36)}-`;
  const tenants = Array.from({ length: TENANTS }, (_, i) => `${prefix}${i + 1}`);
  const pushUrl = new URL("/push", place.ends).href;
  const events = [...shopEvents({ ...wanted, tenants, endsAt: Date.now(), pushUrl })];
  const keys = await makeKeys(url, tenants);
  const deadBefore = await deadLetters(broker);
  const receivedBefore = (await received(place.ends)).length;

  const startedAt = Date.now();
  const settled = new AbortController();
  const crashed =
    offline && crashInMidBatch(watched(offline), started(driver, prefix), settled.signal);
  const posted = await post(wanted, { url, keys, events: asPosted(events, wanted) });
  const postedAt = Date.now();
  await projected(driver, prefix, [...asReceived(events)].length);
  settled.abort();
  const appliedAt = await timesApplied(driver, prefix);
  await drained(broker);
  const deadNow = await deadLetters(broker);
  const dead = [...deadNow].filter(([queue, count]) => count > (deadBefore.get(queue) ?? 0));

  console.log("");
  await printPlace(
    driver,
    current,
    offline ? "one environment of serverless offline" : workers(current),
  );
  printFigures({ posted, appliedAt, startedAt, postedAt });

  const messages = (await received(place.ends)).slice(receivedBefore);
  const embedder = openEmbedder(embedding.parse(process.env), Date.now);
  const vectors = {
    client: place.points,
    prefix: collectionVariables.QDRANT_PREFIX.parse(undefined),
    embedder,
    tenants,
  };
  const compared = [
    await comparedGraph(events, { driver, tenants }),
    await comparedPoints(events, vectors),
    comparedMessages(events, messages),
  ];
  console.log("\nCompared with what was expected:");
  for (const { what, differences } of compared) {
    console.log(`${what}: ${differences.length} differences.`);
    if (differences.length > 0) console.log(describe({ differences }));
  }
  const crashes = await crashed;
  if (crashes !== undefined) console.log(`${crashes} environments ended in mid-batch.`);
  for (const [queue] of dead) {
    console.log(`Dead letters: \`npx warren dead-letters list ${queue}\``);
  }
  const equal = compared.every(({ differences }) => differences.length === 0);
  return equal && dead.length === 0 && crashes !== 0 ? 0 : 1;
}

function workers({ functions }: Status): string {
  const { pids } = functions["neo4j-projector"] as { pids?: number[] };
  return `${pids?.length ?? 0} processes`;
}

/** What the channels' ends were handed since their first start. */
async function received(ends: URL): Promise<Received[]> {
  const answer = await fetch(new URL("/received", ends), { signal: AbortSignal.timeout(20_000) });
  return (await answer.json()) as Received[];
}

/** Ingest looks for new keys once a second. */
async function makeKeys(url: string, tenants: readonly string[]): Promise<Map<string, string>> {
  const file = keysFileOf(DEV, process.env);
  const keys = new Map<string, string>();
  for (const tenant of tenants) keys.set(tenant, await createKey(fileStore(file), tenant));
  for (const key of keys.values()) await untilKnown(url, key);
  return keys;
}

async function post(
  { events: count, duplicates, disorder, offline }: Flags,
  target: { url: string; keys: Map<string, string>; events: Iterable<ShopEvent> },
): Promise<Posted> {
  const bar = progress("Posting   ", Math.round(count * (1 + duplicates)));
  const startedAt = performance.now();
  const posted = await postAll({
    ...target,
    concurrency: offline ? OFFLINE_CONCURRENCY : CONCURRENCY,
    signal: new AbortController().signal,
    onAnswer: ({ accepted, refused }) => bar.update(accepted, refusedText(refused)),
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  bar.end(
    `Posted ${posted.accepted} times ${count} events of ${TENANTS} tenants in ${seconds} s, ` +
      `${percent(duplicates)} of them twice, ${percent(disorder)} out of order.${refusedText(posted.refused)}`,
  );
  return posted;
}

function watched({ pid, log }: Offline): { pid: number; output: () => Promise<string> } {
  return { pid, output: () => readFile(log, "utf8") };
}

/** Whether anything is in the graph yet. */
function started(driver: Driver, prefix: string): () => Promise<boolean> {
  return async () => (await countApplied(driver, prefix)) > 0;
}

/** Resolves when so many events are in the graph. */
async function projected(driver: Driver, prefix: string, events: number): Promise<void> {
  const bar = progress("Projecting", events);
  let applied = 0;
  for (let progressedAt = Date.now(); applied < events; await sleep(250)) {
    const now = await countApplied(driver, prefix);
    if (now > applied) progressedAt = Date.now();
    if (Date.now() - progressedAt > PATIENCE_MS) {
      bar.end("");
      throw new Error(
        `${applied} of ${events} events are projected, and no more came for 2 minutes`,
      );
    }
    applied = now;
    bar.update(applied);
  }
  bar.end(`Projected ${applied} events.`);
}

/** Waits until no queue holds anything: what was repeated, retried and sent is settled too. */
async function drained(broker: Place["broker"]): Promise<void> {
  const all = await openIn(broker);
  const bar = progress("Settling  ", all);
  let least = Infinity;
  let progressedAt = Date.now();
  for (let emptySince = Infinity; Date.now() - emptySince < STALE_MS; await sleep(500)) {
    const open = await openIn(broker);
    bar.update(Math.max(0, all - open));
    if (open > 0) emptySince = Infinity;
    else emptySince = Math.min(emptySince, Date.now());
    if (open < least) progressedAt = Date.now();
    least = Math.min(least, open);
    if (Date.now() - progressedAt > RETRIED_MS) {
      throw new Error(`${open} deliveries are not settled, and for 7 minutes no more were`);
    }
  }
  bar.end("Nothing is left in any queue.");
}

/** How many dead letters there are, by the queue that they came from. */
async function deadLetters(broker: Place["broker"]): Promise<Map<string, number>> {
  const queues = [...(await depths(broker)).keys()].filter((queue) => queue.startsWith("dead."));
  const counts = queues.map(
    async (queue) => [queue.slice("dead.".length), await ready(broker.url, queue)] as const,
  );
  return new Map(await Promise.all(counts));
}

/** How many messages wait for a function, not for a person: up to 5 s ago. */
async function openIn(broker: Place["broker"]): Promise<number> {
  return [...(await depths(broker))]
    .filter(([queue]) => !queue.startsWith("dead.") && queue !== UNCONSUMED)
    .reduce((sum, [, count]) => sum + count, 0);
}

function refusedText(refused: Posted["refused"]): string {
  const texts = Object.entries(refused).map(([why, count]) => `${count} × ${why}`);
  return texts.length === 0 ? "" : ` Answered with 503 and repeated: ${texts.join(", ")}.`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function read(args: string[]): Flags | undefined {
  try {
    const option = { type: "string" } as const;
    const numbers = { events: option, duplicates: option, disorder: option, seed: option };
    const options = { ...numbers, offline: { type: "boolean" } } as const;
    return flags.parse(parseArgs({ args, options }).values);
  } catch (error) {
    console.error(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
    return undefined;
  }
}
