import * as z from "zod";

/** Where the hashes of API keys are: keys.ts and table-keys.ts say what stands there. */
export type KeySource = { file: string } | { table: string };

/**
 * Where a function looks API keys up, joined to its config: `z.object({ … }).and(keys)`. One of both
 * variables is required.
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
      const message = "is given beside API_KEYS_FILE; keep one of them";
      context.addIssue({ code: "custom", path: ["API_KEYS_TABLE"], message });
    }
    return z.NEVER;
  });
