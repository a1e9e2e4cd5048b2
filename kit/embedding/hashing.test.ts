import { expect, test } from "vitest";
import { embedderContract } from "../../tests/contract/embedder.ts";
import { hashingEmbedder } from "./hashing.ts";

const never = new AbortController().signal;
const embedder = hashingEmbedder();

embedderContract("hashingEmbedder", hashingEmbedder);

async function likeness(one: string, other: string): Promise<number> {
  const [a, b] = (await embedder.embed([one, other], never)) as [number[], number[]];
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

test("gives a vector of length 1 for each text, in their order", async () => {
  const vectors = await embedder.embed(["Oak chair", "Дубовий стілець", "x"], never);
  expect(vectors.map((vector) => vector.length)).toEqual([384, 384, 384]);
  for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 12);
  expect(await embedder.embed(["x"], never)).toEqual([vectors[2]]);
});

test("gives the same numbers on every machine", async () => {
  const [vector] = await hashingEmbedder({ dimensions: 8 }).embed(["Oak chair"], never);
  expect(vector!.map((x) => Math.round(x * 1_000))).toEqual([
    236, 471, 0, -471, 0, -236, -471, 471,
  ]);
});

test("finds texts near that share words or parts of words, in any script", async () => {
  expect(await likeness("solid oak chair", "Oak chairs, solid")).toBeGreaterThan(0.7);
  expect(await likeness("дубовий стілець", "Дубові стільці")).toBeGreaterThan(0.3);
  expect(await likeness("solid oak chair", "wireless headphones")).toBeLessThan(0.2);
});

test("sees no difference in case and in forms of the same character", async () => {
  expect(await likeness("CAFÉ ﬁne ①", "cafe\u0301 fine 1")).toBeCloseTo(1, 12);
});

test("gives the zero vector to a text without a letter or digit", async () => {
  const zero = Array.from({ length: 384 }, () => 0);
  expect(await embedder.embed(["", " — !", "\u0000"], never)).toEqual([zero, zero, zero]);
});

test("takes characters beyond the first plane, whole or halved", async () => {
  const [whole, half] = await embedder.embed(["𝒳 𠮷野", "\ud83d"], never);
  expect(Math.hypot(...whole!)).toBeCloseTo(1, 12);
  expect(Math.hypot(...half!)).toBeCloseTo(1, 12);
});
