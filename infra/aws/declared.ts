/** A function of serverless.yml as osls passes it to plugins, with variables resolved. */
export type Declared = {
  /** Its key in serverless.yml. */
  key: string;
  /** Its name on AWS. */
  name: string;
  timeout?: number | undefined;
  events: readonly Record<string, unknown>[];
  /** IAM statements in addition to those of its kind. */
  permissions?: readonly Statement[];
};

export type Statement = {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Action: readonly string[];
  Resource: unknown;
  Condition?: unknown;
};

export type Resource = {
  Type: string;
  Condition?: string;
  DependsOn?: string | string[];
  Metadata?: Record<string, unknown>;
  Properties: Record<string, unknown>;
};

export type Resources = Record<string, Resource>;

/** CloudFormation's functions, as objects. */
export const ref = (id: string) => ({ Ref: id });
export const arnOf = (id: string) => ({ "Fn::GetAtt": [id, "Arn"] });
export const either = (condition: string, yes: unknown, no: unknown) => ({
  "Fn::If": [condition, yes, no],
});

/**
 * The logical id of a function's resource, spelled as osls does: `neo4j-projector` becomes
 * Neo4jDashprojector…, so that ids of different keys differ.
 */
export function idOf(key: string, suffix: string): string {
  const name = key.replaceAll("-", "Dash").replaceAll("_", "Underscore");
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}${suffix}`;
}
