import { parse, v5 } from "uuid";

/** What makes one vector comparable with another. */
type Model = { model: string; dimensions: number };

/** Collections that belong together; two stages on one server have two prefixes. */
export type Place = Model & { prefix: string };

/** Ours: the same names under another namespace would be other points. */
const NAMESPACE = parse("6d2c7a52-3f0e-4a3c-9c58-0b7d1f6a9e41");

/** The id of an entity's or a user's point in its collection. No tenant has a `#`. */
export function pointId(tenant_id: string, id: string): string {
  return v5(`${tenant_id}#${id}`, NAMESPACE);
}

/** `warren-products`: the name that readers use, an alias of the collection of the model in use. */
export function aliasOf(prefix: string, kind: string): string {
  return `${prefix}-${kind}s`;
}

/** `warren-products-hashing-384`: vectors of different models are never compared. */
export function collectionOf({ prefix, model, dimensions }: Place, kind: string): string {
  const name = model.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  const suffix = name.endsWith(`-${dimensions}`) ? name : `${name}-${dimensions}`;
  return `${aliasOf(prefix, kind)}-${suffix}`;
}
