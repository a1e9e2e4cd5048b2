import type { QdrantClient } from "@qdrant/js-client-rest";
import type { ProjectedEvent } from "../../functions/qdrant-projector/accepts.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";

/** A point by what it is about: `product shop prod_1`. */
export type Points = Map<string, { payload: Record<string, unknown>; vector: readonly number[] }>;
/** Names of the collections, or of their aliases. */
type Sources = Record<"product" | "ticket" | "message" | "profile", string>;

/** The fields that change together, by the name under which their stamp stands. */
const FIELDS: Record<string, Record<string, string[]>> = {
  product: {
    name: ["name"],
    description: ["description"],
    category: ["category"],
    sku: ["sku"],
    price: ["price_minor", "currency"],
    attributes: ["attributes"],
  },
  ticket: {
    title: ["title"],
    description: ["description"],
    status: ["status"],
    priority: ["priority"],
    owner: ["owner_id"],
    watchers: ["watcher_ids"],
  },
  message: { message: ["ticket_id", "author_id", "content", "sent_at"] },
};
const WEIGHTS: Record<string, number> = {
  viewed: 1,
  wishlisted: 3,
  added_to_cart: 4,
  removed_from_cart: -2,
  purchased: 8,
};
const LATEST = 100;
const HALF_LIFE_DAYS = 30;

type Entity = {
  kind: string;
  tenant_id: string;
  id: string;
  fields: Record<string, unknown>;
  stamps: Record<string, string>;
  stock: Map<string, { quantity: number; stamp: string }>;
  deleted_stamp?: string;
};
type Did = { stamp: string; at: number; product_id: string; weight: number };

/**
 * The points that these events must give, in whatever order and however often they were delivered: each
 * taken once, one after the other in the order of time. Written without joining or guards, to check the
 * projector against; nothing that only the projector uses (revision, fingerprints) is expected.
 */
export async function expectedPoints(
  events: Iterable<ProjectedEvent>,
  embedder: Embedder,
): Promise<Points> {
  const entities = new Map<string, Entity>();
  const users = new Map<string, { tenant_id: string; user_id: string; did: Did[] }>();
  for (const { event, stamp } of inOrder(events)) take(event, stamp);

  const all = [...entities.entries()];
  const texts = all.map(([, one]) => textOf(one));
  const vectors = await embedAll(embedder, texts);
  const points: Points = new Map(
    all.map(([name, one], i) => [
      name,
      { payload: payloadOf(one, texts[i]!), vector: vectors[i]! },
    ]),
  );
  for (const { tenant_id, user_id, did } of users.values()) {
    const latest = did.slice(-LATEST);
    const products = [...new Set(latest.map(({ product_id }) => product_id))].sort();
    const interactions = latest.map(({ stamp, product_id, weight }) => ({
      stamp,
      product_id,
      weight,
    }));
    const sum = Array.from({ length: embedder.dimensions }, () => 0);
    for (const { at, product_id, weight } of latest) {
      const days = (latest.at(-1)!.at - at) / 86_400_000;
      const product = points.get(`product ${tenant_id} ${product_id}`)?.vector;
      product?.forEach((x, i) => (sum[i]! += weight * 0.5 ** (days / HALF_LIFE_DAYS) * x));
    }
    const weighed = latest.reduce((all, { weight }) => all + Math.abs(weight), 0);
    if (Math.hypot(...sum) < 1e-9 * weighed) sum.fill(0);
    points.set(`profile ${tenant_id} ${user_id}`, {
      payload: { tenant_id, user_id, interactions, products },
      vector: unit(sum),
    });
  }
  return points;

  function take({ type, tenant_id, timestamp, data }: ProjectedEvent, stamp: string): void {
    const entity = (kind: string, id: string): Entity => {
      const name = `${kind} ${tenant_id} ${id}`;
      const none = { kind, tenant_id, id, fields: {}, stamps: {}, stock: new Map() };
      const one = entities.get(name) ?? none;
      entities.set(name, one);
      return one;
    };
    const [about, what] = type.split(".") as [string, string];
    switch (type) {
      case "product.created":
        return revise(entity(about, data.product_id), data, stamp);
      case "product.updated":
        return revise(entity(about, data.product_id), data.changes, stamp);
      case "product.price.changed": {
        const { product_id, new_price_minor, currency } = data;
        return revise(entity(about, product_id), { price_minor: new_price_minor, currency }, stamp);
      }
      case "product.stock.updated":
      case "product.stock.low":
      case "product.stock.out": {
        const quantity = type === "product.stock.out" ? 0 : data.quantity;
        entity(about, data.product_id).stock.set(data.sku ?? "", { quantity, stamp });
        return;
      }
      case "product.deleted": {
        const one = entity(about, data.product_id);
        Object.assign(one, { fields: {}, stamps: {}, stock: new Map(), deleted_stamp: stamp });
        return;
      }
      case "ticket.created":
        return revise(entity(about, data.ticket_id), data, stamp);
      case "ticket.updated":
        return revise(entity(about, data.ticket_id), data.changes, stamp);
      case "ticket.status_changed": {
        const { ticket_id, new_status: status, owner_id, watcher_ids } = data;
        return revise(entity(about, ticket_id), { status, owner_id, watcher_ids }, stamp);
      }
      case "message.sent":
        return revise(entity(about, data.message_id), data, stamp);
      case "search.reindex":
        return;
      case "interaction.viewed":
      case "interaction.added_to_cart":
      case "interaction.removed_from_cart":
      case "interaction.purchased":
      case "interaction.wishlisted": {
        const { user_id, product_id } = data;
        const name = `${tenant_id} ${user_id}`;
        const user = users.get(name) ?? { tenant_id, user_id, did: [] };
        users.set(name, user);
        const at = Date.parse(timestamp);
        user.did.push({ stamp, at, product_id, weight: WEIGHTS[what]! });
        return;
      }
    }
  }
}

/** Everything that stands in these collections of these tenants. */
export async function dumpPoints(
  client: QdrantClient,
  sources: Sources,
  tenants: readonly string[],
): Promise<Points> {
  const points: Points = new Map();
  for (const [kind, collection] of Object.entries(sources)) {
    let offset: string | number | undefined;
    do {
      const page = await client.scroll(collection, {
        filter: { must: [{ key: "tenant_id", match: { any: [...tenants] } }] },
        limit: 500,
        with_payload: true,
        with_vector: true,
        ...(offset !== undefined && { offset }),
      });
      for (const { payload, vector } of page.points) {
        const { tenant_id, [kind === "profile" ? "user_id" : `${kind}_id`]: id } = payload ?? {};
        const name = `${kind} ${String(tenant_id)} ${String(id)}`;
        if (points.has(name)) throw new Error(`two points are about ${name}`);
        points.set(name, { payload: unproven(payload ?? {}), vector: vector as number[] });
      }
      offset = page.next_page_offset as typeof offset;
    } while (offset != null);
  }
  return points;
}

/** Without the digest at the end of each stamp, which only the projector uses. */
function unproven(payload: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(payload);
  return JSON.parse(text.replaceAll(/("\d{4}-[^"#]*#[^"#]*#[^"#]*)#[\w-]{16}"/g, '$1"'));
}

type PointComparison = {
  /** Of the expectation. */
  points: number;
  fields: number;
  /** One line for each point that is missing or not expected, each field and vector that is another. */
  differences: string[];
};

/** What the projector keeps for itself. */
const ITS_OWN = ["revision", "fingerprint", "basis"];
/** Vectors are stored in 32 bits, and a sum of a hundred of them is one of rounded numbers. */
const TOLERANCE = 1e-4;

/** Compares every field and, up to rounding, every vector. Equal points have no differences. */
export function comparePoints(expected: Points, actual: Points): PointComparison {
  const differences: string[] = [];
  let fields = 0;
  for (const [name, want] of expected) {
    fields += Object.keys(want.payload).length;
    const have = actual.get(name);
    if (have === undefined) {
      differences.push(`missing: ${name}`);
      continue;
    }
    const keys = new Set([...Object.keys(want.payload), ...Object.keys(have.payload)]);
    for (const key of [...keys].filter((one) => !ITS_OWN.includes(one))) {
      const [a, b] = [text(want.payload[key]), text(have.payload[key])];
      if (a !== b) differences.push(`${name}: ${key} is ${b}, expected ${a}`);
    }
    const distance = Math.max(
      ...want.vector.map((x, i) => Math.abs(x - (have.vector[i] ?? Infinity))),
    );
    if (!(distance < TOLERANCE)) differences.push(`${name}: its vector is off by ${distance}`);
  }
  for (const name of actual.keys()) {
    if (!expected.has(name)) differences.push(`not expected: ${name}`);
  }
  return { points: expected.size, fields, differences };
}

/** Each once, the oldest first; events of one moment by their ids, then by their sources. */
function inOrder(events: Iterable<ProjectedEvent>): { event: ProjectedEvent; stamp: string }[] {
  const distinct = new Map<string, { event: ProjectedEvent; stamp: string }>();
  for (const event of events) {
    const { tenant_id, timestamp, id, source } = event;
    const stamp = `${timestamp}#${id}#${encodeURIComponent(source)}`;
    distinct.set(`${tenant_id}#${id}#${source}`, { event, stamp });
  }
  return [...distinct.values()].sort((a, b) => (a.stamp < b.stamp ? -1 : 1));
}

function revise(one: Entity, said: Record<string, unknown>, stamp: string): void {
  for (const [group, names] of Object.entries(FIELDS[one.kind]!)) {
    const given = names.filter((name) => said[name] !== undefined);
    if (given.length === 0) continue;
    one.stamps[group] = stamp;
    for (const name of names) {
      if (said[name] == null) delete one.fields[name];
      else one.fields[name] = said[name];
    }
  }
}

function textOf({ kind, fields }: Entity): string {
  const { name, description, category, attributes, title, content } = fields;
  if (kind === "message") return typeof content === "string" ? content : "";
  if (kind === "ticket") return title === undefined ? "" : lines([title, description]);
  if (name === undefined) return "";
  const pairs = Object.entries(attributes ?? {}).map(([key, value]) => `${key} ${String(value)}`);
  return lines([name, description, category, ...pairs.sort()]);
}

function lines(parts: readonly unknown[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("\n");
}

function payloadOf(
  { kind, tenant_id, id, fields, stamps, stock, deleted_stamp }: Entity,
  found: string,
): Record<string, unknown> {
  const skus = [...stock].map(([sku, { quantity, stamp }]) => ({ sku, quantity, stamp }));
  skus.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  return {
    tenant_id,
    [`${kind}_id`]: id,
    ...fields,
    presence: found !== "" ? "present" : deleted_stamp === undefined ? "stub" : "deleted",
    stamps,
    ...(deleted_stamp !== undefined && { deleted_stamp }),
    ...(skus.length > 0 && { stock: skus }),
  };
}

/** As Qdrant keeps vectors for the cosine: of length 1. No text, no direction. */
async function embedAll(embedder: Embedder, texts: readonly string[]): Promise<number[][]> {
  const vectors: number[][] = [];
  const some = 500;
  for (let from = 0; from < texts.length; from += some) {
    const page = texts.slice(from, from + some);
    const asked = page.filter((one) => one !== "");
    const signal = AbortSignal.timeout(60_000);
    const made = asked.length === 0 ? [] : await embedder.embed(asked, signal);
    const answers = made.values();
    const zero = () => Array.from({ length: embedder.dimensions }, () => 0);
    vectors.push(...page.map((one) => (one === "" ? zero() : unit(answers.next().value!))));
  }
  return vectors;
}

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((x) => x / length);
}

/** Whatever the order of keys. */
function text(value: unknown): string {
  if (value === undefined) return "absent";
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
