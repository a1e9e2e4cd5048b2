/**
 * Projects events from a prefilled queue into Qdrant: the projector as the host runs it, without a ledger,
 * compared with raw upserts of the same points, with the same number of parallel requests, without guards and
 * without reading back. Once for products, once for profiles. Aim: at least 0.7 of the raw upserts.
 */
import { randomUUID } from "node:crypto";
import { collectionsOf } from "../functions/qdrant-projector/collections.ts";
import { qdrant } from "../functions/qdrant-projector/schema.ts";
import type { Place } from "../kit/qdrant/names.ts";
import { config } from "../functions/qdrant-projector/config.ts";
import { accepts, type ProjectedEvent } from "../functions/qdrant-projector/accepts.ts";
import { qdrantProjector } from "../functions/qdrant-projector/consumer.ts";
import { batchesOf, type Point, qdrantStore, type Store } from "../kit/qdrant/store.ts";
import { qdrantVectors } from "../functions/qdrant-projector/vectors.ts";
import { applyCollections } from "../infra/qdrant/collections.ts";
import { parserOf } from "../events/catalogue.ts";
import { readConfig } from "../lib/config.ts";
import { openEmbedder } from "../kit/embedding/open-embedder.ts";
import { inParallel } from "../lib/async/in-parallel.ts";
import { consumerHandler } from "../lib/runtime/consumer-handler.ts";
import { connect } from "../kit/qdrant/connect.ts";
import { comparePoints, dumpPoints, expectedPoints } from "../tests/shop/points.ts";
import { consume, fill } from "./consume.ts";
import { measure, median, printMachine, printTable, type Measured } from "./report.ts";
import { localServices } from "./services.ts";
import { benchVhost } from "./vhost.ts";

const QUEUE = "events.bench";
const BATCH = 1_000;
const ROUNDS = 3;
const PRODUCTS = 4_000;
const VIEWS = 10_000;
const USERS = 1_000;
const KNOWN = 1_000;
const IN_FLIGHT = 2;
const AIM = 0.7;
const TENANT = "bench";

const services = await localServices();
const { url, apiKey } = services.qdrant;
const server = { url, apiKey };
const vhost = await benchVhost(services.rabbitmq, [{ queue: QUEUE, accepts }]);
const settings = readConfig(config, {
  LEDGER: "none",
  RABBITMQ_URL: vhost.url,
  QDRANT_URL: url,
  ...(apiKey !== undefined && { QDRANT_API_KEY: apiKey }),
  RETRY_DELAYS: "5s",
  LOG_LEVEL: "error",
});
const embedder = openEmbedder(settings, Date.now);
const { model, dimensions } = embedder;
const client = connect(server);

type Written = { collection: string; points: readonly Point[] };
type Event = Record<string, unknown>;
type Result = { name: string; events: number; points: number; warren: Measured; raw: Measured };

const results = new Map<string, Result[]>([
  ["products", []],
  ["profiles", []],
]);
try {
  // The first round is not counted: it measures the compilers.
  for (let index = 0; index <= ROUNDS; index += 1) {
    const products = await compare("products", [], productEvents(PRODUCTS));
    const profiles = await compare("profiles", productEvents(KNOWN), viewEvents());
    if (index === 0) continue;
    results.get("products")!.push(products);
    results.get("profiles")!.push(profiles);
  }
  report();
} finally {
  await vhost.remove();
}

/** Projects the events after those that are `known`, writes the same points raw, and checks them. */
async function compare(name: string, known: Event[], events: Event[]): Promise<Result> {
  const [own, theirs] = await Promise.all([newPlace(), newPlace()]);
  const written: Written[] = [];
  try {
    await project(own, known, []);
    const warren = await project(own, events, written);
    const raw = await measure(() => upsert(written, own, theirs));

    const parse = parserOf(accepts);
    const all = [...known, ...events].map(
      (event) => parse(Buffer.from(JSON.stringify(event))).event as ProjectedEvent,
    );
    const expected = await expectedPoints(all, embedder);
    const actual = await dumpPoints(client, collectionsOf(own), [TENANT]);
    const { differences } = comparePoints(expected, actual);
    if (differences.length > 0) throw new Error(differences.slice(0, 5).join("\n"));
    const points = written.reduce((sum, one) => sum + one.points.length, 0);
    return { name, events: events.length, points, warren, raw };
  } finally {
    for (const place of [own, theirs]) {
      for (const collection of Object.values(collectionsOf(place))) {
        await client.deleteCollection(collection);
      }
    }
  }
}

async function newPlace(): Promise<Place> {
  const place = { prefix: `bench-${randomUUID()}`, model, dimensions };
  await applyCollections(server, place, qdrant.collections);
  return place;
}

/** The same without Warren, for points that are already known. */
async function upsert(written: readonly Written[], own: Place, theirs: Place): Promise<void> {
  const requests = written.flatMap(({ collection, points }) =>
    batchesOf(points, { size: bytesOf }).map((some) => ({
      collection: collection.replace(own.prefix, theirs.prefix),
      points: some.map(({ id, payload, vector }) => ({ id, payload, vector: [...vector] })),
    })),
  );
  await inParallel(requests, IN_FLIGHT, async ({ collection, points }) => {
    await client.upsert(collection, { points, wait: true });
  });
}

function bytesOf({ payload, vector }: Point): number {
  return vector.length * 20 + JSON.stringify(payload).length;
}

/** The projector behind the host's poller; records what it writes. */
async function project(place: Place, events: Event[], written: Written[]): Promise<Measured> {
  await fill(vhost, { queue: QUEUE, messages: events });
  const base = qdrantStore(server);
  const store: Store = {
    ...base,
    async write(collection, points, ...rest) {
      written.push({ collection, points });
      await base.write(collection, points, ...rest);
    },
  };
  const vectors = qdrantVectors({ store, embedder, place, random: Math.random });
  const projector = consumerHandler({
    consumer: qdrantProjector(vectors),
    config: settings,
    requireSink: () => vectors.requireCollections(),
    closeSink: async () => {},
  });
  return measure(() =>
    consume(vhost, {
      queue: QUEUE,
      count: events.length,
      batchSize: BATCH,
      windowMs: 200,
      consumer: projector,
    }),
  );
}

function eventOf(type: string, data: object, second: number): Event {
  return {
    id: `evt_${randomUUID()}`,
    type,
    source: "bench",
    timestamp: new Date(Date.UTC(2026, 10, 1) + second * 1_000).toISOString(),
    tenant_id: TENANT,
    data,
    metadata: { version: "1.0" },
  };
}

function productEvents(count: number): Event[] {
  const pick = (words: string[], i: number) => words[i % words.length]!;
  return Array.from({ length: count }, (_, i) =>
    eventOf(
      "product.created",
      {
        product_id: `product-${i}`,
        name: `${pick(["Oak", "Elm", "Steel", "Glass"], i)} ${pick(["chair", "table", "lamp"], i)} ${i}`,
        description: "Made by hand, oiled twice, delivered in parts with a key for its screws.",
        category: pick(["chairs", "tables", "lamps"], i),
        sku: `SKU${i}`,
        price: "500.00",
        currency: "UAH",
        attributes: { colour: pick(["natural", "black", "white"], i), weight_kg: i % 40 },
      },
      i,
    ),
  );
}

function viewEvents(): Event[] {
  const any = (count: number) => Math.floor(Math.random() * count);
  return Array.from({ length: VIEWS }, (_, i) =>
    eventOf(
      "interaction.viewed",
      { user_id: `user-${any(USERS)}`, product_id: `product-${any(KNOWN)}` },
      KNOWN + i,
    ),
  );
}

function report(): void {
  printMachine(["@qdrant/js-client-rest", "amqplib"], {
    RabbitMQ: new URL(services.rabbitmq.url).host,
    Qdrant: url,
  });
  const rows = [...results].map(([name, rounds]) => {
    const ratio = ({ warren, raw }: Result) => raw.seconds / warren.seconds;
    const middle = median(rounds, ratio);
    const { events, points, warren, raw } = middle;
    return [
      name,
      events,
      points,
      (points / warren.seconds).toFixed(0),
      (points / raw.seconds).toFixed(0),
      `${ratio(middle).toFixed(2)}${ratio(middle) < AIM ? ` (aim ${AIM})` : ""}`,
    ];
  });
  const columns = ["events", "points written", "Warren points/s", "raw points/s", "of raw"];
  printTable([`median of ${ROUNDS}`, ...columns], rows);
  console.log("All points are as expected.");
}
