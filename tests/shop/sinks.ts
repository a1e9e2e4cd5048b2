import type { QdrantClient } from "@qdrant/js-client-rest";
import type { Driver } from "neo4j-driver";
import { accepts as ofContacts } from "../../functions/contacts/consumer.ts";
import { accepts as ofNotifier } from "../../functions/notifier/consumer.ts";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import { accepts as ofVectors } from "../../functions/qdrant-projector/consumer.ts";
import type { Received } from "../../infra/providers/received.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import { compareGraphs } from "./compare.ts";
import { expectedGraph } from "./expectation.ts";
import { asReceived, receivedBy, type ShopEvent } from "./generator.ts";
import { dumpGraph } from "./graph.ts";
import { compareMessages } from "./compare-messages.ts";
import { expectedMessages } from "./messages.ts";
import { comparePoints, dumpPoints, expectedPoints } from "./points.ts";

/** What was compared, in words, and one line for each difference. */
type Compared = { what: string; differences: string[] };

/** The graph of these tenants with the one that their events must give. */
export async function comparedGraph(
  events: Iterable<ShopEvent>,
  { driver, tenants }: { driver: Driver; tenants: readonly string[] },
): Promise<Compared> {
  const expected = expectedGraph(asReceived(events));
  const compared = compareGraphs(expected, await dumpGraph(driver, tenants));
  const { nodes, relationships, properties, differences } = compared;
  return {
    what: `${nodes} nodes, ${relationships} relationships, ${properties} properties`,
    differences,
  };
}

/** The points of these tenants: products, tickets, messages and profiles, with their vectors. */
export async function comparedPoints(
  events: Iterable<ShopEvent>,
  {
    client,
    prefix,
    embedder,
    tenants,
  }: {
    client: QdrantClient;
    /** Of the collections' names. */
    prefix: string;
    embedder: Embedder;
    tenants: readonly string[];
  },
): Promise<Compared> {
  const expected = await expectedPoints(receivedBy(ofVectors, events), embedder);
  const { model, dimensions } = embedder;
  const collections = collectionsOf({ prefix, model, dimensions });
  const compared = comparePoints(expected, await dumpPoints(client, collections, tenants));
  const profiles = [...expected.keys()].filter((name) => name.startsWith("profile ")).length;
  const { points, fields, differences } = compared;
  return {
    what: `${points} points (${profiles} profiles), ${fields} fields and each vector`,
    differences,
  };
}

/** What the ends of mail, SMS, push and Telegram were handed with what people must be told. */
export function comparedMessages(
  events: Iterable<ShopEvent>,
  received: readonly Received[],
): Compared {
  const told = [...new Set([...ofContacts, ...ofNotifier])];
  const expected = expectedMessages([...receivedBy(told, events)]);
  const counts = ["email", "sms", "push", "telegram"].map(
    (channel) => `${received.filter((one) => one.channel === channel).length} by ${channel}`,
  );
  const open = expected.filter(({ sure }) => !sure).length;
  return {
    what:
      `${received.length} messages (${counts.join(", ")})` +
      (open > 0 ? `, of which ${open} may or may not come` : ""),
    differences: compareMessages(expected, received),
  };
}
