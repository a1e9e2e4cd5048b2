import { InvalidArgumentError } from "commander";
import type * as z from "zod";

/** The variables of the AWS SDK that the DynamoDB commands read. */
export const AWS = {
  AWS_ENDPOINT_URL_DYNAMODB: "address of DynamoDB; default: the address of the region",
  AWS_REGION: "region; also AWS_PROFILE",
  AWS_ACCESS_KEY_ID: "with AWS_SECRET_ACCESS_KEY; default: the SDK's own search for credentials",
};

/** The end of a help text: an example, and the environment variables that the command reads. */
export function notes(example: string, variables: Record<string, string> = {}): string {
  const rows = Object.entries(variables);
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, meaning]) => `\n  ${name.padEnd(width)}  ${meaning}`);
  const reads = rows.length === 0 ? "" : `\n\nVariables:${lines.join("")}`;
  return `\nExample:\n  ${example}${reads}`;
}

/** Reads the value of an option or argument with a schema. */
export function as<T extends z.ZodType>(schema: T): (text: string) => z.infer<T> {
  return (text) => {
    const { data, error } = schema.safeParse(text);
    if (error) throw new InvalidArgumentError(`It ${error.issues[0]?.message ?? "is wrong"}.`);
    return data as z.infer<T>;
  };
}
