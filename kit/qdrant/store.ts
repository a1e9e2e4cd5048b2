import type { Schemas } from "@qdrant/js-client-rest";
import { turns } from "../../lib/async/turns.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { MissingCollectionError, openQdrant } from "./client.ts";
import type { Server } from "./connect.ts";

/**
 * Points of a Qdrant server. Every call throws OutageError when the server cannot do its work
 * now, RetryLaterError when it asks to wait, PermanentError when it refuses a point, and other errors
 * unchanged. An aborted signal ends the wait for an answer; the server may still execute the request.
 */
export type Store = {
  /** The points that exist; `only` selects payload fields. */
  read<Payload>(
    collection: string,
    ids: readonly string[],
    wanted: { only?: readonly string[]; vector?: boolean },
    signal: AbortSignal,
  ): Promise<StoredPoint<Payload>[]>;
  /**
   * Writes each point that does not exist or whose revision is in `expected`. Does not report skipped points.
   * Ids must be distinct: of two equal ones, the server takes the last.
   */
  write(
    collection: string,
    points: readonly Point[],
    expected: readonly string[],
    signal: AbortSignal,
  ): Promise<void>;
  /** How many points match. */
  count(collection: string, filter: Filter, signal: AbortSignal): Promise<number>;
  /** At most `limit` ids for each filter, unordered. */
  find(
    collection: string,
    filters: readonly Filter[],
    limit: number,
    signal: AbortSignal,
  ): Promise<string[][]>;
  /** A page of matching points in the order of ids, and the start of the next page. */
  page<Payload>(
    collection: string,
    wanted: Page,
    signal: AbortSignal,
  ): Promise<{ points: StoredPoint<Payload>[]; next: string | undefined }>;
  /** Writes something that changes nothing. */
  rehearse(collection: string, signal: AbortSignal): Promise<void>;
  /** Size, distance and payload indexes of a collection; undefined if there is none of that name. */
  inspect(collection: string, signal: AbortSignal): Promise<Inspected | undefined>;
};

type Page = {
  filter?: Filter;
  /** Start of the page: `next` of the former page. */
  after: string | undefined;
  limit: number;
  /** Fields of the payload; all if undefined. */
  only?: readonly string[];
};
export type Filter = Schemas["Filter"];
export type Point = { id: string; payload: { revision: string }; vector: readonly number[] };
export type StoredPoint<Payload> = { id: string; payload: Payload; vector: readonly number[] };
export type Inspected = {
  size: number | undefined;
  distance: string | undefined;
  /** By field: `keyword`, `integer` … */
  indexes: Record<string, string>;
};

/** The server refuses bodies above its limit. */
const MAX_POINTS = 1_000;
const MAX_BYTES = 4_000_000;
const IN_FLIGHT = 2;
/** One number of a vector in JSON, with its comma: `-0.031622776601683795,`. */
const NUMBER_BYTES = 23;

/** A revision that no point has. Some versions ignore a condition with an empty list. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

export function qdrantStore({
  url,
  apiKey,
  now,
}: Server & {
  /** Epoch ms. */
  now?: () => number;
}): Store {
  const { ask } = openQdrant({ url, apiKey, now });
  const turn = turns(IN_FLIGHT);

  return {
    async read<Payload>(
      collection: string,
      ids: readonly string[],
      { only, vector = false }: { only?: readonly string[]; vector?: boolean },
      signal: AbortSignal,
    ) {
      const found: StoredPoint<Payload>[] = [];
      for (const some of batchesOf(ids, { size: () => 40 })) {
        const wanted = {
          ids: some,
          with_payload: only === undefined ? true : [...only],
          with_vector: vector,
          // On a cluster, one replica may lag behind a write that another has confirmed.
          consistency: "majority" as const,
        };
        const points = await ask(signal, (qdrant) => qdrant.retrieve(collection, wanted));
        found.push(...points.map(storedPoint<Payload>));
      }
      return found;
    },

    async write(collection, points, expected, signal) {
      const guard = { key: "revision", match: { any: [NOBODY, ...expected] } };
      for (const some of batchesOf(points, { size: bytesOf })) {
        const { status } = await turn(() =>
          ask(signal, (qdrant) =>
            qdrant.upsert(collection, {
              points: some.map(({ id, payload, vector }) => ({ id, payload, vector: [...vector] })),
              update_filter: { must: [guard] },
              wait: true,
              // Every replica must apply two guarded writes of a point in the same order.
              ordering: "strong",
            }),
          ),
        );
        if (status !== "completed") throw new OutageError(`Qdrant answers a write with ${status}`);
      }
    },

    async count(collection, filter, signal) {
      const { count } = await ask(signal, (qdrant) =>
        qdrant.count(collection, { filter, exact: true }),
      );
      return count;
    },

    async find(collection, filters, limit, signal) {
      const searches = filters.map((filter) => ({ filter, limit, with_payload: false }));
      const answers = await ask(signal, (qdrant) => qdrant.queryBatch(collection, { searches }));
      return answers.map(({ points }) => points.map(({ id }) => String(id)));
    },

    async page<Payload>(
      collection: string,
      { filter, after, limit, only }: Page,
      signal: AbortSignal,
    ) {
      const { points, next_page_offset: next } = await ask(signal, (qdrant) =>
        qdrant.scroll(collection, {
          limit,
          with_payload: only === undefined ? true : [...only],
          ...(filter !== undefined && { filter }),
          ...(after !== undefined && { offset: after }),
        }),
      );
      return {
        points: points.map(storedPoint<Payload>),
        // Warren's ids are UUIDs.
        next: typeof next === "string" ? next : undefined,
      };
    },

    async rehearse(collection, signal) {
      const { status } = await ask(signal, (qdrant) =>
        qdrant.delete(collection, { points: [NOBODY], wait: true }),
      );
      if (status !== "completed") throw new OutageError(`Qdrant answers a write with ${status}`);
    },

    async inspect(collection, signal) {
      const info = await ask(signal, (qdrant) => qdrant.getCollection(collection)).catch(
        (error: unknown) => {
          if (error instanceof MissingCollectionError) return undefined;
          throw error;
        },
      );
      if (info === undefined) return undefined;
      const { size, distance } = info.config.params.vectors as Partial<Schemas["VectorParams"]>;
      const indexes = Object.entries(info.payload_schema).map(([field, index]) => [
        field,
        index?.data_type ?? "",
      ]);
      return { size, distance, indexes: Object.fromEntries(indexes) as Record<string, string> };
    },
  };
}

function storedPoint<Payload>(point: {
  id: unknown;
  payload?: unknown;
  vector?: unknown;
}): StoredPoint<Payload> {
  return {
    id: String(point.id),
    payload: (point.payload ?? {}) as Payload,
    vector: (point.vector ?? []) as number[],
  };
}

function bytesOf({ payload, vector }: Point): number {
  return vector.length * NUMBER_BYTES + Buffer.byteLength(JSON.stringify(payload)) + 80;
}

/** Splits points into requests below the size limit; a too large point goes alone. `size` in bytes. */
export function batchesOf<Item>(
  items: readonly Item[],
  { size }: { size: (item: Item) => number },
): Item[][] {
  const batches: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    const more = size(item);
    bytes += more;
    const last = batches.at(-1);
    if (last === undefined || bytes > MAX_BYTES || last.length === MAX_POINTS) {
      batches.push([item]);
      bytes = more;
    } else last.push(item);
  }
  return batches;
}
