import { randomUUID } from "node:crypto";
import type { Driver } from "neo4j-driver";
import { neo4jProjector } from "../../functions/neo4j-projector/consumer.ts";
import { neo4jGraph, type Graph } from "../../functions/neo4j-projector/graph.ts";
import { openNeo4j } from "../../kit/neo4j/neo4j.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { KEYS } from "../shop/graph.ts";

export type Server = { url: string; user: string; password: string };

export const server: Server = {
  url: process.env["NEO4J_URL"]!,
  user: process.env["NEO4J_USER"]!,
  password: process.env["NEO4J_PASSWORD"]!,
};

export const NEVER = new AbortController().signal;

/** One worker: a projector with connections of its own. */
export function worker(at: Server = server): { consumer: Consumer; graph: Graph } {
  const graph = neo4jGraph({ neo4j: openNeo4j(at), now: Date.now });
  return { consumer: neo4jProjector(graph), graph };
}

const tenants: string[] = [];

export function newTenant(): string {
  const tenant = `t-${randomUUID()}`;
  tenants.push(tenant);
  return tenant;
}

/** Removes what this file's tests have made, proofs included. */
export async function removeTenants(driver: Driver): Promise<void> {
  const parts = [
    ...Object.entries(KEYS).map(
      ([label, key]) => `MATCH (n:${label} {tenant_id: tenant}) WHERE n.${key} IS NOT NULL`,
    ),
    "MATCH (n:AppliedEvent) WHERE n.key STARTS WITH tenant + '#'",
  ];
  for (const part of parts) {
    await driver.executeQuery(`UNWIND $tenants AS tenant ${part} DETACH DELETE n`, { tenants });
  }
}

/** An event as the projector reads it from the wire. */
export function received(
  consumer: Consumer,
  event: { tenant_id: string; id: string; type: string; data: unknown; timestamp?: string },
): Received {
  const defaults = { source: "test", timestamp: "2026-11-20T10:00:00Z", metadata: {} };
  return consumer.parse(Buffer.from(JSON.stringify({ ...defaults, ...event })));
}
