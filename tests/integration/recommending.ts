import { graphDriver } from "../shop/graph.ts";
import { accepts as graphAccepts } from "../../functions/neo4j-projector/consumer.ts";
import { accepts as vectorsAccept } from "../../functions/qdrant-projector/consumer.ts";
import { createApp } from "../../functions/recommend/app.ts";
import { neo4jPurchases } from "../../functions/recommend/purchases.ts";
import { qdrantVectors } from "../../functions/recommend/vectors.ts";
import { hashingEmbedder } from "../../kit/embedding/hashing.ts";
import { KeysUnavailableError } from "../../kit/http/keys.ts";
import { createMetrics } from "../../lib/runtime/metrics.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import * as graph from "./neo4j.ts";
import * as vectors from "./qdrant.ts";
import { until } from "./rabbit-vhost.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** As a producer sends it; `type` and `data` decide who takes it. */
export type Event = {
  tenant_id: string;
  id: string;
  type: string;
  data: object;
  timestamp: string;
};

type Answer = { status: number; retryAfter: string | null; body: Body };
type Body = {
  recommendations?: (Record<string, unknown> & { because: string[] })[];
  results?: (Record<string, unknown> & { score: number })[];
  reason?: string;
  notice?: string;
  code?: string;
  detail?: string;
};

/** The function on real stores, each behind a wire that can be cut, and the projectors that fill them. */
export type Recommending = {
  /** The key of a tenant is `k-` and its name; `k-nobody-knows` cannot be checked. */
  get: (path: string, key?: string) => Promise<Answer>;
  /** The same once the graph takes part: a busy Neo4j may need longer to plan than it is given. */
  getWithGraph: (path: string, key: string) => Promise<Answer>;
  /** Applies the events, in this order and in groups of this size, by both projectors. */
  project: (events: readonly Event[], groupSize?: number) => Promise<void>;
  qdrant: TcpProxy;
  neo4j: TcpProxy;
  /** Whatever was logged as an error. */
  errors: unknown[];
  close: () => Promise<void>;
};

/** Other tests keep the machine busy. */
const GRAPH_MS = 4_000;

export async function startRecommending(): Promise<Recommending> {
  const embedder = hashingEmbedder();
  const { place, remove } = await vectors.newCollections(embedder);
  const [qdrant, neo4j] = await Promise.all([
    proxyTo(vectors.server.url),
    proxyTo(graph.server.url),
  ]);
  const purchases = neo4jPurchases({
    server: { ...graph.server, url: neo4j.url },
    now: Date.now,
    answerMs: GRAPH_MS,
  });
  const errors: unknown[] = [];
  const app = createApp({
    keys: {
      tenantOf(key) {
        if (key === "k-nobody-knows") throw new KeysUnavailableError("no table");
        return key.startsWith("k-") ? key.slice(2) : undefined;
      },
    },
    vectors: qdrantVectors({
      server: { ...vectors.server, url: qdrant.url },
      prefix: place.prefix,
      now: Date.now,
    }),
    purchases,
    embedder,
    metrics: createMetrics(),
    log: { warn: () => {}, error: (line: { err: unknown }) => errors.push(line.err) },
    now: Date.now,
  });
  const graphWorker = graph.worker();
  const sides: { consumer: Consumer; accepts: ReadonlySet<string> }[] = [
    { consumer: graphWorker.consumer, accepts: new Set(graphAccepts) },
    {
      consumer: vectors.worker(place, vectors.server, embedder),
      accepts: new Set(vectorsAccept),
    },
  ];

  async function get(path: string, key?: string): Promise<Answer> {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await app.request(path, { headers });
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      body: (await response.json()) as Body,
    };
  }

  return {
    get,
    async getWithGraph(path, key) {
      let answer = await get(path, key);
      await until("the graph takes part", async () => {
        if (answer.body.notice === undefined) return true;
        answer = await get(path, key);
        return answer.body.notice === undefined;
      });
      return answer;
    },
    async project(events, groupSize = 500) {
      const bySide = sides.map(async ({ consumer, accepts }) => {
        const wanted = events.filter(({ type }) => accepts.has(type));
        for (let start = 0; start < wanted.length; start += groupSize) {
          const group = wanted.slice(start, start + groupSize);
          const received = new Map(group.map((one) => [one.id, graph.received(consumer, one)]));
          const failed = await consumer.apply([...received.values()], graph.NEVER);
          if (failed.length > 0) throw failed[0]!.error;
        }
      });
      await Promise.all(bySide);
    },
    qdrant: qdrant.proxy,
    neo4j: neo4j.proxy,
    errors,
    async close() {
      const driver = graphDriver();
      await graph.removeTenants(driver);
      await Promise.all([driver.close(), purchases.close(), graphWorker.graph.close(), remove()]);
      await Promise.all([qdrant.proxy.close(), neo4j.proxy.close()]);
    },
  };
}

async function proxyTo(address: string): Promise<{ proxy: TcpProxy; url: string }> {
  const through = new URL(address);
  const proxy = await tcpProxy({ host: through.hostname, port: Number(through.port) });
  through.host = `127.0.0.1:${proxy.port}`;
  return { proxy, url: through.href.replace(/\/$/, "") };
}
