import { parse, v5 } from "uuid";

/** Vectors are comparable if these properties are equal. */
type Model = { model: string; dimensions: number };

/** A set of collections. Two stages on one server need different prefixes. */
export type Place = Model & { prefix: string };

/** Warren's namespace for point ids. Another namespace would give other ids. */
const NAMESPACE = parse("6d2c7a52-3f0e-4a3c-9c58-0b7d1f6a9e41");

/** The id of an entity's or a user's point in its collection. Tenant names contain no `#`. */
export function pointId(tenant_id: string, id: string): string {
  return v5(`${tenant_id}#${id}`, NAMESPACE);
}

/** `warren-products`: the alias that readers use, for the collection of the current model. */
export function aliasOf(prefix: string, kind: string): string {
  return `${prefix}-${kind}s`;
}

/** `warren-products-hashing-384`: each model has its own collection, so models never mix. */
export function collectionOf({ prefix, model, dimensions }: Place, kind: string): string {
  const name = model.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  const suffix = name.endsWith(`-${dimensions}`) ? name : `${name}-${dimensions}`;
  return `${aliasOf(prefix, kind)}-${suffix}`;
}
