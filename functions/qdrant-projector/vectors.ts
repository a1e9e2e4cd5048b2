import type { Embedder } from "../../kit/embedding/embedder.ts";
import { problemsWith } from "../../kit/qdrant/collections.ts";
import type { Place } from "../../kit/qdrant/names.ts";
import type { Store } from "../../kit/qdrant/store.ts";
import { provenStamp } from "../../kit/stamped.ts";
import { chunksOf, inParallel } from "../../lib/async/in-parallel.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { collections, collectionsOf } from "./collections.ts";
import { entityKinds } from "./entities.ts";
import { entityPoints, type Merged } from "./entity-points.ts";
import { productVectors } from "./product-vectors.ts";
import { profilePoints } from "./profile-points.ts";
import { type Changes, mayTouchVector, project, type ReceivedEvent } from "./projection.ts";

/** The projector's port to a vector database. Throws the errors of `Store` and `Embedder`. */
export type Vectors = {
  /**
   * Applies these events to the points, whatever was applied before. Returns the skipped changes: their
   * point knows another event with the same id.
   */
  write(events: readonly ReceivedEvent[], signal: AbortSignal): Promise<ReceivedEvent[]>;
  /** Merges changes from another collection. */
  merge(changes: Changes, signal: AbortSignal): Promise<void>;
  /** Resolves if texts can be embedded and points written now. */
  probe(signal: AbortSignal): Promise<void>;
  /** Rejects with what is missing and the command that creates it. */
  requireCollections(): Promise<void>;
};

/** Points that are read, merged and written together. About as many profiles fit into one request. */
const ENTITIES = 250;
const PROFILES = 100;
/** Chunks in progress: while two write (Store), one reads. */
const PARALLEL = 3;
const CHECK_MS = 10_000;

export function qdrantVectors({
  store,
  embedder,
  place,
  random,
}: {
  store: Store;
  embedder: Embedder;
  /** With the model of `embedder`. */
  place: Place;
  random: () => number;
}): Vectors {
  const { dimensions } = embedder;
  const names = collectionsOf(place);
  const entities = entityPoints({ store, embedder, collections: names });
  const vectors = productVectors({ store, collection: names.product, dimensions });
  const profiles = profilePoints({ store, vectors, collection: names.profile, dimensions });

  async function merge(
    changes: Changes,
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const merged: Merged[] = [];
    for (const kind of entityKinds) {
      await inParallel(chunksOf(ENTITIES, changes[kind]), PARALLEL, async (some) => {
        const points = await entities.merge(kind, some, reused, signal);
        if (kind === "product") merged.push(...points);
      });
    }
    const touched = new Set(changes.product.filter(mayTouchVector).map(({ point }) => point));
    vectors.forget([...touched]);
    // After the products: profiles are computed from their vectors.
    await inParallel(chunksOf(PROFILES, changes.profiles), PARALLEL, (some) =>
      profiles.merge(some, reused, signal),
    );
    // Also if the event changed nothing: the process that applied it before may have died here.
    await profiles.refresh(
      merged.filter(({ point }) => touched.has(point)),
      signal,
    );
  }

  return {
    async write(events, signal) {
      const leftOut: ReceivedEvent[] = [];
      for (let fresh = events; ;) {
        const reused = new Set<string>();
        await merge(project(fresh), reused, signal);
        if (reused.size === 0) return leftOut;
        // Changes that were merged with these are not written yet: repeats without the skipped ones.
        const isReused = (each: ReceivedEvent) => reused.has(provenStamp(each));
        leftOut.push(...fresh.filter(isReused));
        fresh = fresh.filter((each) => !isReused(each));
      }
    },

    // The stored points were checked when they were written.
    merge: (changes, signal) => merge(changes, undefined, signal),

    async probe(signal) {
      // Without a text no earlier vector can be reused.
      await embedder.embed([`probe ${random()}`], signal);
      await store.rehearse(names.product, signal);
    },

    async requireCollections() {
      const signal = AbortSignal.timeout(CHECK_MS);
      const missing = await problemsWith(store, place, collections, signal);
      if (missing.length === 0) return;
      throw new OutageError(
        `Qdrant lacks ${missing.join("; ")}. \`warren vectors create\` makes what is missing.`,
      );
    },
  };
}
