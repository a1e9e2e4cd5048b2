import * as z from "zod";

/** The part of JSON Schema (draft 2020-12) that zod writes for input data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * What a schema accepts, before defaults and transforms. Refinements are functions, so the JSON Schema
 * does not contain them: a comparison misses a stricter one. Throws for schemas that JSON Schema cannot
 * express (`z.custom`).
 */
export function inputSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => {
      // The format is enough; zod may change its pattern for it.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
  return rest as JsonSchema;
}
