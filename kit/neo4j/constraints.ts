import * as z from "zod";
import { OutageError } from "../../lib/pipeline/errors.ts";
import type { Neo4j } from "./neo4j.ts";

const identifier = z.string().regex(/^[A-Za-z_]\w*$/, "must be an identifier");

/** A uniqueness constraint. Every edition of Neo4j has it. */
export const constraint = z.object({
  name: identifier,
  label: identifier,
  properties: z.array(identifier).min(1).readonly(),
});
export type Constraint = z.infer<typeof constraint>;

/** What a function's schema.ts exports as `neo4j`: what the server must contain before it starts. */
export const neo4jSchema = z.object({ constraints: z.array(constraint).readonly() });
export type Neo4jSchema = z.infer<typeof neo4jSchema>;

const CHECK_MS = 10_000;

const LIST = `
  SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties
  WHERE type ENDS WITH 'UNIQUENESS' OR type = 'NODE_KEY'
  RETURN labelsOrTypes AS labels, properties`;

/** Creates it unless an equal constraint exists, under any name. */
export async function createConstraint(
  neo4j: Neo4j,
  { name, label, properties }: Constraint,
  signal: AbortSignal,
): Promise<void> {
  const unique = properties.map((property) => `n.${property}`).join(", ");
  const text = `CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:${label}) REQUIRE (${unique}) IS UNIQUE`;
  await neo4j.write([{ text, parameters: {} }], signal);
}

/** Rejects with an OutageError that names the missing constraints and the command that creates them. */
export async function requireConstraints(
  neo4j: Neo4j,
  constraints: readonly Constraint[],
): Promise<void> {
  const signal = AbortSignal.timeout(CHECK_MS);
  const present = await neo4j.read<{ labels: string[]; properties: string[] }>(
    { text: LIST, parameters: {} },
    signal,
  );
  const there = new Set(
    present.flatMap(({ labels, properties }) =>
      labels.map((label) => textOf({ label, properties })),
    ),
  );
  const missing = constraints.map(textOf).filter((one) => !there.has(one));
  if (missing.length === 0) return;
  throw new OutageError(
    `Neo4j lacks uniqueness constraints: ${missing.join("; ")}. \`warren graph create\` makes them.`,
  );
}

function textOf({ label, properties }: Pick<Constraint, "label" | "properties">): string {
  return `${label} (${properties.join(", ")})`;
}
