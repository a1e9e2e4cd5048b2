import { hash, randomUUID } from "node:crypto";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import { qdrant } from "../../functions/qdrant-projector/schema.ts";
import type { Place } from "../../kit/qdrant/names.ts";
import { qdrantProjector } from "../../functions/qdrant-projector/consumer.ts";
import { qdrantStore } from "../../kit/qdrant/store.ts";
import { qdrantVectors } from "../../functions/qdrant-projector/vectors.ts";
import { applyCollections } from "../../infra/qdrant/collections.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { connect, type Server } from "../../kit/qdrant/connect.ts";

export const server: Server = {
  url: process.env["QDRANT_URL"]!,
  apiKey: process.env["QDRANT_API_KEY"],
};

export const NEVER = new AbortController().signal;

/** Few numbers, so that tests are quick: one per word, by its hash. */
export const words: Embedder = {
  model: "words",
  dimensions: 8,
  embed: async (texts) => texts.map(vectorOf),
};

function vectorOf(text: string): number[] {
  const vector = Array.from({ length: words.dimensions }, () => 0);
  for (const word of text.split(/\s+/)) {
    const digest = hash("sha256", word, "buffer");
    vector[digest[0]! % words.dimensions]! += digest[1]! / 255 + 0.1;
  }
  return vector;
}

/** Collections of this test file's own. Returns what removes them. */
export async function newCollections({ model, dimensions }: Embedder = words): Promise<{
  place: Place;
  remove: () => Promise<void>;
}> {
  const place = { prefix: `t-${randomUUID()}`, model, dimensions };
  await applyCollections(server, place, qdrant.collections);
  const client = connect(server);
  return {
    place,
    async remove() {
      for (const name of Object.values(collectionsOf(place))) await client.deleteCollection(name);
    },
  };
}

/** One worker: a projector with connections and a memory of its own. */
export function worker(place: Place, at: Server = server, embedder: Embedder = words): Consumer {
  return qdrantProjector(
    qdrantVectors({
      store: qdrantStore(at),
      embedder,
      place,
      random: Math.random,
    }),
  );
}
