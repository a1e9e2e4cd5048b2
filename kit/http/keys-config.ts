import * as z from "zod";

/** The store of API key hashes. See keys.ts and table-keys.ts for its format. */
export type KeySource = { file: string } | { table: string };

/**
 * The store in which a function looks up API keys. Join it to the config: `z.object({ … }).and(keys)`. Exactly
 * one of the two variables is required.
 */
export const keys = z
  .object({
    API_KEYS_FILE: z
      .string()
      .optional()
      .describe("File with the hashes of API keys. Give it or `API_KEYS_TABLE`"),
    API_KEYS_TABLE: z
      .string()
      .optional()
      .describe("DynamoDB table with the hashes of API keys. Give it or `API_KEYS_FILE`"),
  })
  .transform(({ API_KEYS_FILE: file, API_KEYS_TABLE: table }, context): { keys: KeySource } => {
    if (file !== undefined && table === undefined) return { keys: { file } };
    if (table !== undefined && file === undefined) return { keys: { table } };
    const one = { path: ["API_KEYS_FILE or API_KEYS_TABLE"] };
    if (file === undefined) context.addIssue({ code: "custom", ...one });
    else {
      const message = "must not be set together with API_KEYS_FILE";
      context.addIssue({ code: "custom", path: ["API_KEYS_TABLE"], message });
    }
    return z.NEVER;
  });
