import { v7 } from "uuid";
import { type EventOfType, type EventType, parserOf } from "../../events/catalogue.ts";
import { accepts, type ProjectedEvent } from "../../functions/neo4j-projector/accepts.ts";
import { chance } from "../model/random.ts";
import type { Currency } from "./assortment.ts";
import { contactOf } from "./people.ts";
import { openShop } from "./shopping.ts";
import { zipf } from "./zipf.ts";

/** An event as a producer posts it. */
export type ShopEvent = {
  id: string;
  type: EventType;
  source: string;
  timestamp: string;
  tenant_id: string;
  correlation_id?: string;
  data: Record<string, unknown>;
  metadata: { version: string };
};

type History = {
  /** Each has its own shop; the first has most of the traffic. */
  tenants: readonly string[];
  /** How many events in all, each of them different. */
  events: number;
  /** The same seed, tenants and time give the same events. */
  seed: number;
  /** When about the last of them happened; epoch ms. */
  endsAt: number;
  /** Where the browsers are notified of those who have one. */
  pushUrl?: string;
};

/** Over which time a history spreads, ms. */
const SPAN_MS = 30 * 60_000;
const CURRENCIES: Currency[] = [
  { code: "UAH", digits: 2 },
  { code: "JPY", digits: 0 },
  { code: "KWD", digits: 3 },
];

/**
 * What happened in some shops, in the order of time. Tenants use the same names for their users,
 * products, orders and events, so that mixing them up shows.
 */
export function* shopEvents({
  tenants,
  events,
  seed,
  endsAt,
  pushUrl = "https://push.example.com",
}: History): Generator<ShopEvent> {
  const dice = chance(seed);
  const perTenant = events / tenants.length;
  const shops = tenants.map((tenant_id, i) => ({
    tenant_id,
    count: 0,
    next: openShop({
      chance: dice,
      contactOf: (id) => contactOf({ tenant: tenant_id, pushUrl }, id),
      currency: CURRENCIES[i % CURRENCIES.length]!,
      users: Math.ceil(perTenant / 10) + 5,
      products: Math.ceil(perTenant / 20) + 5,
    }),
  }));
  const anyShop = zipf({ count: shops.length, exponent: 0.7, chance: dice });

  let at = endsAt - SPAN_MS;
  for (let n = 0; n < events; n += 1) {
    at += (SPAN_MS / events) * 2 * dice.next();
    const shop = shops[anyShop()]!;
    const { type, data, session, version = "1.0" } = shop.next();
    yield {
      id: idOf((shop.count += 1), endsAt),
      type,
      source: session === undefined ? "backoffice" : "web",
      timestamp: timeText(Math.floor(at), shop.count),
      tenant_id: shop.tenant_id,
      ...(session !== undefined && { correlation_id: session }),
      data,
      metadata: { version },
    };
  }
}

/** Half of the producers make UUIDv7, a thousand a second, and half of them count. */
function idOf(n: number, endsAt: number): string {
  if (n % 2 > 0) return `evt_${n}`;
  return `evt_${v7({ msecs: endsAt + n, seq: 0, random: new Uint8Array(16) })}`;
}

/** Producers write time as they like: one in seven with an offset. */
function timeText(ms: number, n: number): string {
  if (n % 7 > 0) return new Date(ms).toISOString();
  return `${new Date(ms + 2 * 3_600_000).toISOString().slice(0, -1)}+02:00`;
}

/** By how many places an event may be late, or come again. */
const WINDOW = 2_000;

/**
 * The order in which events are posted: a part of them later than their turn (`disorder`), a part
 * of them again later (`duplicates`); both in [0, 1].
 */
export function* asPosted(
  events: Iterable<ShopEvent>,
  { duplicates, disorder, seed }: { duplicates: number; disorder: number; seed: number },
): Generator<ShopEvent> {
  const dice = chance(seed + 1);
  const due = new Map<number, ShopEvent[]>();
  const postpone = (event: ShopEvent) => {
    const turn = n + dice.int(1, WINDOW);
    due.set(turn, [...(due.get(turn) ?? []), event]);
  };

  let n = 0;
  for (const event of events) {
    if (dice.hits(disorder)) postpone(event);
    else yield event;
    if (dice.hits(duplicates)) postpone(event);
    yield* due.get(n) ?? [];
    due.delete(n);
    n += 1;
  }
  const late = [...due].sort(([a], [b]) => a - b);
  for (const [, postponed] of late) yield* postponed;
}

/** Those that the graph's projector takes. */
export function forGraph(events: Iterable<ShopEvent>): ShopEvent[] {
  const taken = new Set<string>(accepts);
  return [...events].filter(({ type }) => taken.has(type));
}

/** As the graph's projector reads them. */
export function asReceived(events: Iterable<ShopEvent>): Generator<ProjectedEvent> {
  return receivedBy(accepts, events);
}

/** As a consumer of these types reads them: times in one form, money in minor units, defaults filled in. */
export function* receivedBy<Type extends EventType>(
  types: readonly Type[],
  events: Iterable<ShopEvent>,
): Generator<EventOfType<Type>> {
  const parse = parserOf(types);
  const taken = new Set<string>(types);
  for (const event of events) {
    if (taken.has(event.type)) yield parse(Buffer.from(JSON.stringify(event))).event;
  }
}
