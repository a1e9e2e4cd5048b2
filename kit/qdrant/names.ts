import { parse, v5 } from "uuid";

/** What there are points of, each kind in a collection of its own. */
export type PointKind = "product" | "ticket" | "message" | "profile";
export const pointKinds: readonly PointKind[] = ["product", "ticket", "message", "profile"];

/** Ours: the same names under another namespace would be other points. */
const NAMESPACE = parse("6d2c7a52-3f0e-4a3c-9c58-0b7d1f6a9e41");

/** The id of an entity's or a user's point in its collection. No tenant has a `#`. */
export function pointId(tenant_id: string, id: string): string {
  return v5(`${tenant_id}#${id}`, NAMESPACE);
}

/** `warren-products`: what readers ask for, whichever model's collection it stands for now. */
export function aliasOf(prefix: string, kind: PointKind): string {
  return `${prefix}-${kind}s`;
}
