import { readConfig } from "../../lib/config.ts";
import { consumerHandler } from "../../lib/runtime/consumer-handler.ts";
import { config } from "./config.ts";
import { neo4jProjector } from "./consumer.ts";
import { DAY_MS, neo4jGraph } from "./graph.ts";
import { openNeo4j } from "../../kit/neo4j/neo4j.ts";

const settings = readConfig(config, process.env);
const { NEO4J_URL: url, NEO4J_USER: user, NEO4J_PASSWORD: password } = settings;
const graph = neo4jGraph({ neo4j: openNeo4j({ url, user, password }), now: Date.now });
const expiry = { ageMs: settings.PROOF_DAYS * DAY_MS, now: Date.now };

export const { handler, prepare, metrics, close } = consumerHandler({
  consumer: neo4jProjector(graph, settings.LEDGER === "none" ? expiry : undefined),
  config: settings,
  requireSink: () => graph.requireConstraints(),
  closeSink: () => graph.close(),
});
