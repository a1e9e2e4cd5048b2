import { fuse } from "./fusion.ts";
import type { Bought, Purchases } from "./purchases.ts";
import type { Facts, Vectors } from "./vectors.ts";

type Recommendations = {
  recommendations: (Facts & { score: number; because: string[] })[];
  /** Why the list is empty. */
  reason?: string;
  /** Why the list may be worse than usual. */
  notice?: string;
};

/** Entries that are read of each signal. More than anybody asks for, because two signals may agree further down. */
const DEPTH = 200;

const UNKNOWN = "nothing is known of this user yet";
const NOTHING_ELSE = "nothing that is on offer is near to what is known of this user";
const NO_GRAPH = "the graph does not answer: these come from the user's taste alone";

/**
 * Products that this user may like and has not bought: those nearest to the user's profile, combined with
 * what buyers of the same products also bought. If the graph fails, it uses the vectors alone. If the
 * vectors fail, it rejects.
 */
export async function recommend(
  {
    vectors,
    purchases,
    onGraphFailure,
  }: {
    vectors: Pick<Vectors, "profile" | "nearest" | "products">;
    purchases: Pick<Purchases, "of">;
    onGraphFailure: (error: unknown) => void;
  },
  { tenant, user, limit }: { tenant: string; user: string; limit: number },
  signal: AbortSignal,
): Promise<Recommendations> {
  const [profile, graph] = await Promise.all([
    vectors.profile(tenant, user, signal),
    purchases.of(tenant, user, signal).catch((error: unknown): Bought | undefined => {
      onGraphFailure(error);
      return undefined;
    }),
  ]);
  const bought = new Set([...(profile?.bought ?? []), ...(graph?.bought ?? [])]);
  const together = (graph?.together ?? []).filter(({ id }) => !bought.has(id));

  const [near, known] = await Promise.all([
    profile === undefined
      ? []
      : vectors.nearest(
          { tenant, kind: "product", vector: profile.vector, without: [...bought], limit: DEPTH },
          signal,
        ),
    vectors.products(
      tenant,
      together.map(({ id }) => id),
      signal,
    ),
  ]);
  const facts = new Map([...known, ...near.map(({ id, facts }) => [id, facts] as const)]);
  const fused = fuse([
    { signal: "taste", said: near.map(({ id }) => ({ id, confidence: 1 })) },
    { signal: "bought_together", said: together.filter(({ id }) => known.has(id)) },
  ]);

  return {
    recommendations: fused
      .slice(0, limit)
      .map(({ id, score, signals }) => ({ ...facts.get(id), score, because: signals })),
    ...(fused.length === 0 && { reason: profile === undefined ? UNKNOWN : NOTHING_ELSE }),
    ...(graph === undefined && { notice: NO_GRAPH }),
  };
}
