import fc from "fast-check";
import { expect, test } from "vitest";
import { profilesAtOnce } from "./profile-points.ts";
import { type Interaction, type ProductVector, profileOf, unite } from "./profiles.ts";

const did = (second: number, id: string, product_id = "p1", weight = 1): Interaction => ({
  stamp: `${new Date(Date.UTC(2026, 10, 20) + second * 1_000).toISOString().slice(0, -1)}000Z#${id}#web#digest`,
  product_id,
  weight,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => did(i, `e${i}`));

test("of more than 100 interactions the latest 100 stay", () => {
  const all = many(130);

  expect(unite(all.slice(0, 70), all.slice(40))).toEqual(all.slice(30));
  expect(unite(all.slice(30), all.slice(0, 30))).toEqual(all.slice(30));
});

test("an event that comes again, even at another time, counts once", () => {
  expect(unite([did(1, "e1")], [did(1, "e1"), did(2, "e1")])).toEqual([did(2, "e1")]);
});

test("any order, repetition and grouping of interactions leaves the same ones", () => {
  const interaction = fc
    .record({ second: fc.nat(200), id: fc.nat(150) })
    .map(({ second, id }) => did(second, `e${id}`));
  const groups = fc.array(fc.array(interaction, { maxLength: 60 }), { maxLength: 6 });

  fc.assert(
    fc.property(groups, fc.array(fc.nat(5), { maxLength: 3 }), (some, again) => {
      const all = unite(some.flat(), []);
      const repeats = again.flatMap((i) => some[i] ?? []);
      const regrouped = some.toReversed().reduce((a, b) => unite(b, a), unite(repeats, []));
      expect(regrouped).toEqual(all);
    }),
    { numRuns: 100 },
  );
});

const vectors: Record<string, ProductVector> = {
  p1: { fingerprint: "f1", vector: [1, 0] },
  p2: { fingerprint: "f2", vector: [0, 1] },
  unknown: { fingerprint: "f0", vector: undefined },
};
const profile = (...interactions: Interaction[]) =>
  profileOf({ tenant_id: "t", user_id: "u" }, interactions, {
    dimensions: 2,
    vectorOf: (product_id) => vectors[product_id]!,
  });
const DAYS = 86_400;

test("a vector is the weighted sum of its products', halved for each 30 days before the newest", () => {
  const { vector } = profile(
    did(0, "e1", "p1", 8),
    did(15 * DAYS, "e2", "unknown", 8),
    did(60 * DAYS, "e3", "p2", 3),
  );

  expect(vector).toEqual([2, 3]);
});

test("what cancels out is no taste", () => {
  const seconds = [0.1, 0.2, 0.3];
  const some = seconds.flatMap((second, i) => [
    did(second, `a${i}`, "p1", 1),
    did(second, `b${i}`, "p2", 3),
    did(second, `c${i}`, "p1", -1),
    did(second, `d${i}`, "p2", -3),
  ]);

  expect(profile(...some).vector).toEqual([0, 0]);
});

test("a payload names its products once, and the vectors it was made of", () => {
  const { payload } = profile(did(1, "e1", "p2"), did(2, "e2", "p1"), did(3, "e3", "p2"));

  expect(payload).toMatchObject({ products: ["p1", "p2"], basis: ["f1", "f2"] });
});

test("the revision is another with another interaction and with another vector", () => {
  const { revision } = profile(did(1, "e1")).payload;
  expect(profile(did(1, "e1")).payload.revision).toBe(revision);
  expect(profile(did(1, "e1"), did(2, "e2")).payload.revision).not.toBe(revision);

  vectors["p1"] = { fingerprint: "f3", vector: [1, 0] };
  expect(profile(did(1, "e1")).payload.revision).not.toBe(revision);
});

test("as many profiles are made at once as the vectors of their products leave room for", () => {
  expect([8, 384, 1_536, 3_072, 65_536].map(profilesAtOnce)).toEqual([100, 100, 26, 13, 1]);
});
