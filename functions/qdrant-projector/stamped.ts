/**
 * What is known about an entity. Fields that change together are a group, and each group carries the
 * stamp of the event that it comes from, so that two accounts of one entity can be joined in any order
 * and any number of times: of each group the newest stays, and a deletion takes away what is older.
 */
export type Stamped = {
  groups: Record<string, Group>;
  /** The stamp of the newest deletion. It stays for good: older events are compared with it. */
  deleted?: string;
};

/** Nothing set: the fields were cleared. */
export type Group = { stamp: string; set: Fields };
export type Fields = Record<string, unknown>;

/** Associative, commutative and idempotent: a stamp names one event, and so one content. */
export function join(a: Stamped, b: Stamped): Stamped {
  const deleted = newest(a.deleted, b.deleted);
  const groups: Record<string, Group> = {};
  for (const [name, group] of [...Object.entries(a.groups), ...Object.entries(b.groups)]) {
    const other = groups[name];
    if (deleted !== undefined && group.stamp < deleted) continue;
    if (other === undefined || group.stamp > other.stamp) groups[name] = group;
  }
  return { groups, ...(deleted !== undefined && { deleted }) };
}

function newest(a: string | undefined, b: string | undefined): string | undefined {
  return (a ?? "") > (b ?? "") ? a : b;
}
