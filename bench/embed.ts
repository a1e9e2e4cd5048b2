/**
 * `npm run bench -- embed`: texts per second of the hashing embedder, compared with a naive version that
 * keeps the same features in a Map of strings. Fails if their vectors are not comparable.
 */
import { hashingEmbedder } from "../kit/embedding/hashing.ts";
import { type Measured, measure, median, printMachine, printTable } from "./report.ts";

const TEXTS = 20_000;
const ROUNDS = 5;
const WORDS =
  "solid oak chair oiled natural table lamp brass kitchen wool blanket дубовий стілець лампа wireless headphones".split(
    " ",
  );

/** A name and a line of description: eight words. */
const texts = Array.from({ length: TEXTS }, (_, i) =>
  Array.from({ length: 8 }, (__, j) => WORDS[(i * 7 + j * (3 + (i % 5))) % WORDS.length]).join(" "),
);
const never = new AbortController().signal;
const embedder = hashingEmbedder();

printMachine([], {});
const rounds = { hashing: [] as Measured[], "a Map of features": [] as Measured[] };
for (let round = 0; round < ROUNDS; round += 1) {
  rounds["a Map of features"].push(await measure(async () => void texts.map(featuresOf)));
  rounds.hashing.push(await measure(async () => check(await embedder.embed(texts, never))));
}
printTable(
  ["median", "texts/s", "texts per s of CPU"],
  Object.entries(rounds).map(([name, all]) => {
    const { seconds, cpuSeconds } = median(all, (one) => one.seconds);
    return [name, Math.round(TEXTS / seconds), Math.round(TEXTS / cpuSeconds)];
  }),
);

function check(vectors: readonly number[][]): void {
  const first = vectors[0]!;
  const isUnit = Math.abs(Math.hypot(...first) - 1) < 1e-9;
  if (vectors.length !== TEXTS || first.length !== embedder.dimensions || !isUnit) {
    throw new Error("the vectors do not belong to the texts");
  }
}

function featuresOf(text: string): Map<string, number> {
  const features = new Map<string, number>();
  const add = (feature: string) => features.set(feature, (features.get(feature) ?? 0) + 1);
  for (const word of text
    .normalize("NFKC")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? []) {
    add(word);
    for (let i = 0; i + 3 <= word.length + 2; i += 1) add(` ${word} `.slice(i, i + 3));
  }
  return features;
}
