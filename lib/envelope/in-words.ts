import type * as z from "zod";

/**
 * An error map for zod. It tells the sender what the field must be. Zod's default messages say what they
 * received. A message in the schema takes precedence. Quotes no value.
 */
export function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    const kind = KINDS[issue.expected] ?? `a ${issue.expected}`;
    return issue.input === undefined ? `is required: ${kind}` : `must be ${kind}`;
  }
  if (issue.code === "too_small") {
    const bound = issue.inclusive === false ? "more than" : "at least";
    return `must ${sized(issue.origin, bound, issue.minimum)}`;
  }
  if (issue.code === "too_big") {
    const bound = issue.inclusive === false ? "less than" : "at most";
    return `must ${sized(issue.origin, bound, issue.maximum)}`;
  }
  if (issue.code !== "invalid_value") return undefined;
  return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
}

const KINDS: Record<string, string> = {
  int: "a whole number",
  array: "a list",
  object: "an object",
  record: "an object",
  boolean: "true or false",
};

function sized(origin: string, bound: string, limit: number | bigint): string {
  if (origin === "string") return `have ${bound} ${limit} characters`;
  if (origin === "array" || origin === "set") return `have ${bound} ${limit} items`;
  return `be ${bound} ${limit}`;
}
