import * as z from "zod";

/** A JSON Schema (draft 2020-12), as far as zod writes it for data that comes in. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * What a schema takes, before defaults and transforms. Refinements are functions and do not show: a
 * stricter one is not seen by whoever compares. Throws for what JSON has no words for (`z.custom`).
 */
export function inputSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => {
      // The format says it; zod's expression for it may change with zod.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
  return rest as JsonSchema;
}
