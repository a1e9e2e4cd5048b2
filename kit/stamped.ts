import { type Received, stampOf } from "../lib/envelope/envelope.ts";

/** Characters of the digest that are kept, 6 bits each: enough to tell two events apart. */
const DIGEST_LENGTH = 16;
/** `2026-11-21T10:00:00.500000Z#`: id, source and digest follow. */
const NAME_AT = 28;

/** A stamp that proves which event it is of: `timestamp#id#source#digest`. No part has a `#`. */
export function provenStamp({ event, digest }: Received): string {
  return `${stampOf(event)}#${digest.slice(0, DIGEST_LENGTH)}`;
}

/** What names the event of a proven stamp within its tenant, and its digest; undefined for others. */
export function namedBy(stamp: string): { name: string; digest: string } | undefined {
  const end = stamp.lastIndexOf("#");
  if (end <= NAME_AT) return undefined;
  const digest = stamp.slice(end + 1, end + 1 + DIGEST_LENGTH);
  return { name: stamp.slice(NAME_AT, end), digest };
}

/** Those of the stamps whose id another event has used: its stamp is among the standing ones. */
export function reusedAmong(stamps: readonly string[], standing: readonly string[]): string[] {
  const own = stamps.flatMap((stamp) => namedBy(stamp) ?? []);
  const digests = new Map(own.map(({ name, digest }) => [name, digest]));
  const reused = new Set<string>();
  for (const stamp of standing) {
    const { name = "", digest } = namedBy(stamp) ?? {};
    if (digests.has(name) && digests.get(name) !== digest) reused.add(name);
  }
  return reused.size === 0 ? [] : stamps.filter((stamp) => reused.has(namedBy(stamp)?.name ?? ""));
}

/**
 * Merging by stamp: every sink that keeps the latest state decides with this rule. The newest stamp
 * wins in whatever order, number and grouping the events come. functions/neo4j-projector/statements.ts
 * has the same rule in Cypher: `row.stamp > coalesce(n.guard, '')`.
 */
export function newer<T extends { stamp: string }>(a: T | undefined, b: T): T {
  return a === undefined || b.stamp > a.stamp ? b : a;
}

/** The newer of each entry. Associative, commutative and idempotent. */
export function mergeByStamp<T extends { stamp: string }>(
  all: readonly Readonly<Record<string, T>>[],
): Record<string, T> {
  const merged = new Map<string, T>();
  for (const [name, one] of all.flatMap(Object.entries<T>))
    merged.set(name, newer(merged.get(name), one));
  return Object.fromEntries(merged);
}

/** What is known about an entity: groups of fields that change together, and its deletion. */
export type Stamped = {
  groups: Record<string, Group>;
  /** The stamp of the newest deletion. It is kept for ever: older events are compared with it. */
  deleted?: string;
};

/** An empty `set` says that the fields were cleared. */
export type Group = { stamp: string; set: Fields };
export type Fields = Record<string, unknown>;

/** Of each group the newest; a deletion removes older groups. Associative, commutative and idempotent. */
export function join(a: Stamped, b: Stamped): Stamped {
  const deleted = (a.deleted ?? "") > (b.deleted ?? "") ? a.deleted : b.deleted;
  const merged = Object.entries(mergeByStamp([a.groups, b.groups]));
  const groups = merged.filter(([, { stamp }]) => deleted === undefined || stamp >= deleted);
  return { groups: Object.fromEntries(groups), ...(deleted !== undefined && { deleted }) };
}

/** The stamps of all that is known. */
export function stampsIn({ groups, deleted }: Stamped): string[] {
  const stamps = Object.values(groups).map(({ stamp }) => stamp);
  return deleted === undefined ? stamps : [...stamps, deleted];
}
