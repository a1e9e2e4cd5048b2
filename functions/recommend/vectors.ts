import type { Schemas } from "@qdrant/js-client-rest";
import { openQdrant, type Qdrant } from "../../kit/qdrant/client.ts";
import type { Server } from "../../kit/qdrant/connect.ts";
import { aliasOf, pointId } from "../../kit/qdrant/names.ts";

/**
 * Reads the points that functions/qdrant-projector keeps. Every call reads the data of one tenant, and
 * rejects with VectorsUnavailableError when Qdrant cannot answer.
 */
export type Vectors = {
  /** The profile of a user with the latest purchases; undefined for an unknown user. */
  profile(tenant: string, user: string, signal: AbortSignal): Promise<Profile | undefined>;
  /** The nearest entities that are present, nearest first. */
  nearest(wanted: Wanted, signal: AbortSignal): Promise<Hit[]>;
  /** Those of the products that are present, by id. */
  products(
    tenant: string,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, Facts>>;
  /** Rejects with what is missing. */
  check(signal: AbortSignal): Promise<void>;
};

/** The kinds of entities that a search can find. */
export const kinds = ["product", "ticket", "message"] as const;
type Kind = (typeof kinds)[number];

type Profile = { vector: readonly number[]; bought: string[] };
type Wanted = {
  tenant: string;
  kind: Kind;
  vector: readonly number[];
  /** Ids of entities to leave out. */
  without?: readonly string[];
  limit: number;
};
export type Facts = Record<string, unknown>;
/** `score` is the cosine: 1 is the same direction. */
type Hit = { id: string; score: number; facts: Facts };

export class VectorsUnavailableError extends Error {
  override name = "VectorsUnavailableError";
}

/** The fields of an answer. The first is the id. */
const shown: Record<Kind, readonly [string, ...string[]]> = {
  product: ["product_id", "name", "category", "price_minor", "currency"],
  ticket: ["ticket_id", "title", "status"],
  message: ["message_id", "ticket_id", "author_id", "content"],
};

/** The weight of a purchase in functions/qdrant-projector. No other interaction has it. */
export const PURCHASE_WEIGHT = 8;

type Remembered = { interactions: { product_id: string; weight: number }[] };

/** Time for an answer, ms. */
const REQUEST_MS = 3_000;

export function qdrantVectors({
  server,
  prefix,
  now,
}: {
  server: Server;
  prefix: string;
  /** Epoch ms. */
  now: () => number;
}): Vectors {
  const qdrant = openQdrant({ ...server, timeoutMs: REQUEST_MS, now });
  const ask: Qdrant["ask"] = (signal, work) =>
    qdrant.ask(signal, work).catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new VectorsUnavailableError(String(error), { cause: error });
    });

  return {
    async profile(tenant, user, signal) {
      const [point] = await ask(signal, (qdrant) =>
        qdrant.retrieve(aliasOf(prefix, "profile"), {
          ids: [pointId(tenant, user)],
          with_payload: ["interactions"],
          with_vector: true,
        }),
      );
      if (point === undefined) return undefined;
      const { interactions } = point.payload as Remembered;
      return {
        vector: point.vector as number[],
        bought: interactions
          .filter(({ weight }) => weight === PURCHASE_WEIGHT)
          .map(({ product_id }) => product_id),
      };
    },

    async nearest({ tenant, kind, vector, without = [], limit }, signal) {
      // A zero vector has no neighbours.
      if (vector.every((x) => x === 0)) return [];
      const { points } = await ask(signal, (qdrant) =>
        qdrant.query(aliasOf(prefix, kind), {
          query: [...vector],
          filter: presentOf(tenant, {
            must_not: [{ has_id: without.map((id) => pointId(tenant, id)) }],
          }),
          limit,
          with_payload: [...shown[kind]],
        }),
      );
      return (
        points
          .filter(({ score }) => score > 0)
          .map(({ payload, score }) => ({ ...hitOf(kind, payload), score }))
          // Qdrant orders equal scores by the order of writes, which may differ. So they are ordered by id.
          .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      );
    },

    async products(tenant, ids, signal) {
      if (ids.length === 0) return new Map();
      const { points } = await ask(signal, (qdrant) =>
        qdrant.scroll(aliasOf(prefix, "product"), {
          filter: presentOf(tenant, { must: [{ has_id: ids.map((id) => pointId(tenant, id)) }] }),
          limit: ids.length,
          with_payload: [...shown.product],
        }),
      );
      return new Map(
        points.map(({ payload }) => {
          const { id, facts } = hitOf("product", payload);
          return [id, facts];
        }),
      );
    },

    async check(signal) {
      const { aliases } = await ask(signal, (qdrant) => qdrant.getAliases());
      const there = new Set(aliases.map(({ alias_name }) => alias_name));
      const wanted = [...kinds, "profile"];
      const missing = wanted.map((kind) => aliasOf(prefix, kind)).filter((one) => !there.has(one));
      if (missing.length === 0) return;
      throw new VectorsUnavailableError(`Qdrant has no ${missing.join(", ")}`);
    },
  };
}

/** Only this tenant's entities that are present: not deleted, no stub. */
function presentOf(
  tenant: string,
  {
    must = [],
    must_not = [],
  }: { must?: Schemas["Condition"][]; must_not?: Schemas["Condition"][] },
): Schemas["Filter"] {
  return {
    must: [
      { key: "tenant_id", match: { value: tenant } },
      { key: "presence", match: { value: "present" } },
      ...must,
    ],
    must_not,
  };
}

function hitOf(kind: Kind, payload: unknown): { id: string; facts: Facts } {
  const facts = payload as Facts;
  return { id: String(facts[shown[kind][0]]), facts };
}
