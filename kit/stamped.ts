/**
 * Merging by stamp: every sink that keeps the latest state decides with this rule. A stamp
 * (`stampOf`, lib/envelope/envelope.ts) names one event and therefore one content, so the newest stamp
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
