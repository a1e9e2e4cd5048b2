import type { Received } from "../../lib/envelope/envelope.ts";
import { type Fields, type Group, join, provenStamp, type Stamped } from "../../kit/stamped.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import type { ProjectedEvent } from "./accepts.ts";
import { describing, type EntityKind, entities, stockGroup } from "./entities.ts";
import { type Interaction, unite, weights } from "./profiles.ts";

export type ReceivedEvent = Received<ProjectedEvent>;

/** The changes of a group of events, merged per point: no request writes one id twice. */
export type Changes = {
  product: EntityChange[];
  ticket: EntityChange[];
  message: EntityChange[];
  profiles: ProfileChange[];
};

export type EntityChange = {
  point: string;
  tenant_id: string;
  id: string;
  state: Stamped;
  /** Computes the vector again, also if nothing has changed. */
  reindex: boolean;
};

export type ProfileChange = {
  point: string;
  tenant_id: string;
  user_id: string;
  interactions: Interaction[];
};

/** Pure. Repeats and order do not change the result. */
export function project(events: readonly ReceivedEvent[]): Changes {
  const changes = events.map(changeOf);
  const entityChanges = (kind: EntityKind) =>
    merged(
      changes.flatMap((change) => (change.kind === kind ? [change.of] : [])),
      (a, b) => ({ ...a, state: join(a.state, b.state), reindex: a.reindex || b.reindex }),
    );
  return {
    product: entityChanges("product"),
    ticket: entityChanges("ticket"),
    message: entityChanges("message"),
    profiles: merged(
      changes.flatMap((change) => (change.kind === "profile" ? [change.of] : [])),
      (a, b) => ({ ...a, interactions: unite(a.interactions, b.interactions) }),
    ),
  };
}

/** Whether the change may change a product's vector, and so the profiles that contain it. */
export function mayTouchVector({ state, reindex }: EntityChange): boolean {
  return (
    reindex ||
    state.deleted !== undefined ||
    Object.keys(state.groups).some((g) => describing.has(g))
  );
}

type Change = { kind: EntityKind; of: EntityChange } | { kind: "profile"; of: ProfileChange };

function changeOf(received: ReceivedEvent): Change {
  const { event } = received;
  const { type, data } = event;
  const stamp = provenStamp(received);
  const change = (kind: EntityKind, id: string, state: Stamped, reindex = false): Change => {
    const { tenant_id } = event;
    return { kind, of: { point: pointId(tenant_id, id), tenant_id, id, state, reindex } };
  };
  const about = (kind: EntityKind, id: string, fields: Fields) =>
    change(kind, id, { groups: said(kind, stamp, fields) });
  const stock = (sku: string | undefined, quantity: number) =>
    change("product", (data as { product_id: string }).product_id, {
      groups: { [stockGroup(sku)]: { stamp, set: { quantity } } },
    });

  switch (type) {
    case "product.created":
      return about("product", data.product_id, data);
    case "product.updated":
      return about("product", data.product_id, data.changes);
    case "product.price.changed": {
      const { product_id, new_price_minor: price_minor, currency } = data;
      return about("product", product_id, { price_minor, currency });
    }
    case "product.deleted":
      return change("product", data.product_id, { groups: {}, deleted: stamp });
    case "product.stock.updated":
    case "product.stock.low":
      return stock(data.sku, data.quantity);
    case "product.stock.out":
      return stock(data.sku, 0);
    case "ticket.created":
      return about("ticket", data.ticket_id, data);
    case "ticket.updated": {
      // The contract does not name other fields here, such as a status, so nobody has checked them.
      const { title, description, priority, watcher_ids } = data.changes;
      return about("ticket", data.ticket_id, { title, description, priority, watcher_ids });
    }
    case "ticket.status_changed": {
      const { ticket_id, new_status: status, owner_id, watcher_ids } = data;
      return about("ticket", ticket_id, { status, owner_id, watcher_ids });
    }
    case "message.sent":
      return about("message", data.message_id, data);
    case "search.reindex":
      return change(data.entity, data.id, { groups: {} }, true);
    case "interaction.viewed":
    case "interaction.added_to_cart":
    case "interaction.removed_from_cart":
    case "interaction.purchased":
    case "interaction.wishlisted": {
      const { tenant_id } = event;
      const { user_id, product_id } = data;
      const interactions = [{ stamp, product_id, weight: weights[type] }];
      const point = pointId(tenant_id, user_id);
      return { kind: "profile", of: { point, tenant_id, user_id, interactions } };
    }
  }
}

/** Omitted fields stay unchanged; null clears a field. */
function said(kind: EntityKind, stamp: string, fields: Fields): Record<string, Group> {
  const groups = Object.entries(entities[kind].groups).flatMap(([name, names]) => {
    const given = names.filter((field) => fields[field] !== undefined);
    if (given.length === 0) return [];
    const kept = given.filter((field) => fields[field] !== null);
    const set = Object.fromEntries(kept.map((field) => [field, fields[field]]));
    return [[name, { stamp, set }] as const];
  });
  return Object.fromEntries(groups);
}

function merged<T extends { point: string }>(changes: readonly T[], merge: (a: T, b: T) => T): T[] {
  const byPoint = new Map<string, T>();
  for (const change of changes) {
    const other = byPoint.get(change.point);
    byPoint.set(change.point, other === undefined ? change : merge(other, change));
  }
  return [...byPoint.values()];
}
