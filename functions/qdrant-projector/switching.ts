import type { Merging } from "../../kit/qdrant/collections.ts";
import type { StoredPoint } from "../../kit/qdrant/store.ts";
import type { PointKind } from "./collections.ts";
import { type EntityPayload, recall } from "./entities.ts";
import type { ProfilePayload } from "./profiles.ts";
import type { Changes } from "./projection.ts";
import { qdrantVectors } from "./vectors.ts";

/** Merges a stored point in the same way as events, so it may run while the projector writes. */
export const merging: Merging = ({ store, embedder, place }) => {
  const vectors = qdrantVectors({ store, embedder, place, random: Math.random });
  return (kind, points, signal) => vectors.merge(changesIn(kind as PointKind, points), signal);
};

function changesIn(kind: PointKind, points: readonly StoredPoint<unknown>[]): Changes {
  const none: Changes = { product: [], ticket: [], message: [], profiles: [] };
  if (kind === "profile") {
    const profiles = points.map(({ id, payload }) => ({
      point: id,
      ...(payload as ProfilePayload),
    }));
    return { ...none, profiles };
  }
  const changes = points.map(({ id: point, payload }) => ({
    point,
    ...recall(kind, payload as EntityPayload),
    reindex: false,
  }));
  return { ...none, [kind]: changes };
}
