import { readFileSync } from "node:fs";
import type { Resource, Resources, Statement } from "../../infra/aws/declared.ts";
import { packageAll, type PackagingName, templateOf } from "./packaged.ts";

await packageAll();

export type Stack = {
  Resources: Resources;
  Parameters: Record<string, { Default: string }>;
};

export const STAGES = ["dev", "staging", "prod"] as const;

/** What `osls package` made for a stage. */
export function stackOf(name: PackagingName): Stack {
  return JSON.parse(readFileSync(templateOf(name), "utf8")) as Stack;
}

export function ofType({ Resources }: Stack, type: string): [id: string, resource: Resource][] {
  return Object.entries(Resources).filter(([, { Type }]) => Type === type);
}

/** The statements of every role, with the role's logical id. */
export function statementsOf(stack: Stack): (Statement & { role: string })[] {
  return ofType(stack, "AWS::IAM::Role").flatMap(([role, { Properties }]) => {
    const policies = Properties["Policies"] as { PolicyDocument: { Statement: Statement[] } }[];
    return policies.flatMap(({ PolicyDocument }) =>
      PolicyDocument.Statement.map((statement) => ({ ...statement, role })),
    );
  });
}
