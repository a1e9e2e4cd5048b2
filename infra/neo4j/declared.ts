import { type Constraint, neo4jSchema } from "../../kit/neo4j/constraints.ts";
import { readSchemas } from "../schema/schemas.ts";

/** The constraints of every schema.ts; functions may declare the same one. */
export async function declaredConstraints(root?: string): Promise<Constraint[]> {
  const constraints = (await readSchemas("neo4j", neo4jSchema, root)).flatMap(
    (one) => one.constraints,
  );
  return [...new Map(constraints.map((one) => [JSON.stringify(one), one])).values()];
}
