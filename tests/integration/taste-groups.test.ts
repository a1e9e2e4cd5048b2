import { afterAll, beforeAll, expect, test } from "vitest";
import { chance, type Chance } from "../model/random.ts";
import { inParallel } from "../../lib/async/in-parallel.ts";
import { newTenant } from "./neo4j.ts";
import { type Event, type Recommending, startRecommending } from "./recommending.ts";

/** Two groups of users, each with a taste for one of two ranges; what they do is mostly, not always, after it. */
const RANGES = {
  outdoor: ["tent", "sleeping bag", "hiking boots", "camping stove", "rucksack"],
  kitchen: ["frying pan", "chef knife", "cutting board", "saucepan", "coffee grinder"],
};
type Group = keyof typeof RANGES;
const groups = Object.keys(RANGES) as Group[];
const PRODUCTS = 50;
const USERS = 25;
/** Newcomers and regulars. */
const DEEDS = [5, 25] as const;
/** How often somebody does something with what the others like. */
const ASTRAY = 0.15;
const SEED = 5;

let on: Recommending;
beforeAll(async () => {
  on = await startRecommending();
});
afterAll(() => on?.close());

const productsOf = (group: Group) =>
  Array.from({ length: PRODUCTS }, (_, n) => `${group}-product-${n}`);
const usersOf = (group: Group) => Array.from({ length: USERS }, (_, n) => `${group}-user-${n}`);

/** The same history for whichever tenant, ids of events included. */
function historyOf(tenant_id: string): Event[] {
  const dice = chance(SEED);
  const events: Event[] = [];
  const say = (type: string, data: object) => {
    const n = events.length;
    const timestamp = new Date(Date.UTC(2026, 10, 20) + n * 60_000).toISOString();
    events.push({ tenant_id, id: `evt_${n}`, type, data, timestamp });
  };
  const adjectives = ["light", "steel", "blue", "small", "large", "sturdy", "classic", "modern"];
  for (const group of groups) {
    for (const [n, product_id] of productsOf(group).entries()) {
      const thing = RANGES[group][n % RANGES[group].length]!;
      const name = `${dice.pick(adjectives)} ${dice.pick(adjectives)} ${thing} no ${n}`;
      say("product.created", { product_id, name, category: group, price: 10, currency: "UAH" });
    }
  }
  const users = groups.flatMap((group) =>
    usersOf(group).map((user_id) => ({ group, user_id, deeds: dice.int(...DEEDS) })),
  );
  for (let n = 0; n < DEEDS[1]; n += 1) {
    for (const { group, user_id } of users.filter(({ deeds }) => n < deeds)) {
      const other = groups.find((one) => one !== group)!;
      const product_id = dice.pick(productsOf(dice.hits(ASTRAY) ? other : group));
      const kind = dice.pick(["viewed", "viewed", "added_to_cart", "wishlisted", "purchased"]);
      say(`interaction.${kind}`, { user_id, product_id });
    }
  }
  return events;
}

/** Each event at least once, a third of them twice, in another order. */
function disturbed(events: readonly Event[], dice: Chance): Event[] {
  const again = events.filter(() => dice.hits(1 / 3));
  return [...events, ...again]
    .map((event) => ({ event, place: dice.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ event }) => event);
}

/** The first ten of each user. */
async function topTens(tenant: string): Promise<Map<string, Recommended[]>> {
  const tens = new Map<string, Recommended[]>();
  await inParallel(groups.flatMap(usersOf), 4, async (user) => {
    const { body } = await on.getWithGraph(`/recommendations/${user}?limit=10`, `k-${tenant}`);
    const ten = body.recommendations!.map((one) => ({
      product: String(one["product_id"]),
      because: one.because,
    }));
    tens.set(user, ten);
  });
  return tens;
}
type Recommended = { product: string; because: string[] };
const share = (all: readonly Recommended[], which: (one: Recommended) => boolean) =>
  all.filter(which).length / all.length;

test("nine in ten recommendations come from the user's own group, whatever the order of events", async () => {
  const [tenant, other] = [newTenant(), newTenant()];
  await on.project(historyOf(tenant));
  const tens = await topTens(tenant);

  for (const group of groups) {
    const all = usersOf(group).flatMap((user) => tens.get(user)!);
    expect(all).toHaveLength(10 * USERS);
    expect(share(all, ({ product }) => product.startsWith(group))).toBeGreaterThanOrEqual(0.9);
    // The second signal takes part, or this would be about the first alone.
    expect(share(all, ({ because }) => because.includes("bought_together"))).toBeGreaterThan(0.1);
  }

  await on.project(disturbed(historyOf(other), chance(7)), 97);
  expect(await topTens(other)).toEqual(tens);
});
