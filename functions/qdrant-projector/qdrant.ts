import {
  type QdrantClient,
  QdrantClientResourceExhaustedError,
  QdrantClientTimeoutError,
  type Schemas,
} from "@qdrant/js-client-rest";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { connect, type Server } from "../../kit/qdrant/connect.ts";
import { turns } from "../../lib/async/turns.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";

/**
 * Qdrant as this function uses it. Every call throws OutageError when the server cannot do its work
 * now, RetryLaterError when it says so, PermanentError when it refuses a point, and whatever else
 * happened as it is. An aborted signal ends the wait for an answer; what was sent may still be done.
 */
export type Store = {
  /** Those of the points that exist; `only` names the fields of the payload that are wanted. */
  read<Payload>(
    collection: string,
    ids: readonly string[],
    wanted: { only?: readonly string[]; vector?: boolean },
    signal: AbortSignal,
  ): Promise<StoredPoint<Payload>[]>;
  /**
   * Writes each point that does not exist, or whose revision is among `expected`; says nothing about
   * those it skipped. Distinct ids: of two equal ones the server would take the last.
   */
  write(
    collection: string,
    points: readonly Point[],
    expected: readonly string[],
    signal: AbortSignal,
  ): Promise<void>;
  /** How many points match. */
  count(collection: string, filter: Filter, signal: AbortSignal): Promise<number>;
  /** For each filter at most `limit` ids, in no order. */
  find(
    collection: string,
    filters: readonly Filter[],
    limit: number,
    signal: AbortSignal,
  ): Promise<string[][]>;
  /** A page of what matches, in the order of ids, and where the next one begins. */
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

export type Page = {
  filter?: Filter;
  /** Where it begins: `next` of the page before. */
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

/** What the server takes: a larger body than its own limit is refused. */
const MAX_POINTS = 1_000;
const MAX_BYTES = 4_000_000;
const IN_FLIGHT = 2;
/** One number of a vector in JSON, with its comma: `-0.031622776601683795,`. */
const NUMBER_BYTES = 23;

/** After this long without a request nobody may be at the other end of its connections any more. */
const IDLE_MS = 10_000;

/** Qdrant names no time when it is only busy. */
const BUSY_MS = 5_000;

/** Of points that exist and of none at once; an empty list would be no condition to some versions. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

export function qdrantStore({
  url,
  apiKey,
  now = Date.now,
}: Server & {
  /** Epoch ms. */
  now?: () => number;
}): Store {
  let client = connect({ url, apiKey });
  let requests = 0;
  let idleSince = now();
  const turn = turns(IN_FLIGHT);

  async function ask<T>(
    signal: AbortSignal,
    work: (client: QdrantClient) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    if (requests === 0 && now() - idleSince > IDLE_MS) client = connect({ url, apiKey });
    requests += 1;
    const asked = work(client)
      .catch((error: unknown) => {
        throw classified(error, now());
      })
      .finally(() => {
        requests -= 1;
        idleSince = now();
      });
    // The client takes no signal: what was sent is left to end by itself, within its time-out.
    return unlessAborted(asked, signal);
  }

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
          // On a cluster one copy may not have heard yet of what another has confirmed.
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
              // Two guarded writes of a point must meet on every copy in one order.
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
        // Ids of ours are UUIDs.
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

/** The collection is not there: nothing that an event could be blamed for. */
class MissingCollectionError extends OutageError {
  override name = "MissingCollectionError";
}

/**
 * By the status of the answer; without an answer nobody is to blame but the way to the server. The
 * client rejects with TypeError (`fetch failed`) or an error that has a `status`.
 */
function classified(error: unknown, now: number): unknown {
  if (error instanceof QdrantClientResourceExhaustedError) {
    // The client keeps one digit of what the server said.
    return new RetryLaterError(textOf(429, error), now + error.retry_after * 1_000);
  }
  if (error instanceof TypeError || error instanceof QdrantClientTimeoutError) {
    return new OutageError(`Qdrant does not answer: ${reasonOf(error)}`);
  }
  if (!(error instanceof Error) || !("status" in error)) return error;
  const status = Number(error.status);
  const text = textOf(status, error);
  if (status === 429) return new RetryLaterError(text, now + BUSY_MS);
  if (status === 404) return new MissingCollectionError(text);
  if (status === 401 || status === 403 || status === 408 || status >= 500) {
    return new OutageError(text);
  }
  return REFUSALS.has(status) ? new PermanentError(text) : new Error(text);
}

/** Wrong in itself, or too large. */
const REFUSALS = new Set([400, 413, 422]);

/** Up to the first quote: behind it may stand what was refused, which must not be logged. */
function textOf(status: number, error: Error): string {
  const data = "data" in error ? (error.data as { status?: { error?: unknown } } | undefined) : {};
  const said = data?.status?.error;
  const text = typeof said === "string" ? said : "";
  return `Qdrant answers ${status}: ${text.split(/['"`]/, 1)[0]}`.slice(0, 300);
}

function reasonOf(error: Error): string {
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : error.message;
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

/** As many to a request as it may carry; one that is too large goes alone. `size` in bytes. */
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
