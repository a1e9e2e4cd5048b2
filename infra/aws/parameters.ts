import * as z from "zod";
import { inWords } from "../../lib/envelope/in-words.ts";
import { port, variables } from "../../lib/config.ts";
import { known as nearestOf } from "../cli/nearest.ts";

/** The stack's parameters (parameters.yml). Their defaults come from the stage. */
export type Parameters = Record<string, { Default?: unknown }>;

/** Parameters that must be set together. */
const NEEDED_BY: Record<string, string[]> = {
  ExistingBrokerArn: [
    "ExistingBrokerSecretArn",
    "ExistingBrokerEndpoint",
    "ExistingBrokerSecurityGroupId",
    "ExistingVpcId",
  ],
  ExistingVpcId: ["ExistingSubnetIds"],
};

/**
 * Reasons against a deploy; empty if there are none. A misspelt stage would create a separate stack with
 * the defaults. An incompletely named broker or VPC would fail in the middle of the deploy.
 */
export function problemsOf(
  stage: string,
  { stages, parameters }: { stages: readonly string[]; parameters: Parameters },
): string[] {
  const given = (name: string) => (parameters[name]?.Default ?? "") !== "";
  const unknown = stages.includes(stage)
    ? []
    : [`stage ${stage} is not among the params of serverless.yml: ${stages.join(", ")}`];
  const partial = Object.entries(NEEDED_BY).flatMap(([name, needed]) => {
    const missing = needed.filter((other) => !given(other));
    return given(name) && missing.length > 0
      ? [`param ${paramOf(name)} needs ${missing.map(paramOf).join(", ")}`]
      : [];
  });
  return [...unknown, ...partial];
}

/** ExistingVpcId is existingVpcId in serverless.yml. */
const paramOf = (name: string) => name.slice(0, 1).toLowerCase() + name.slice(1);

const truth = z.union([z.boolean(), z.enum(["true", "false"])], "must be true or false");
const count = z.coerce.number("must be a whole number").int().min(1);
/** Retention times that CloudWatch supports. */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];

/** Params of serverless.yml whose errors otherwise only a deploy would find, or nothing. */
const values = z.looseObject({
  vhost: z.string().regex(/^[^/].*$/, "must be a name, other than /"),
  brokerVersion: z.enum(["4.3", "4.2", "3.13"]),
  brokerMode: z.enum(["SINGLE_INSTANCE", "CLUSTER_MULTI_AZ"]),
  natGateway: truth,
  neo4jCidr: z.cidrv4("must be a block of addresses, such as 10.0.0.0/16"),
  neo4jPort: port,
  retryDelays: variables.RETRY_DELAYS,
  logLevel: variables.LOG_LEVEL,
  logRetentionDays: z.coerce
    .number()
    .refine((days) => RETENTION_DAYS.includes(days), `must be one of ${RETENTION_DAYS.join(", ")}`),
  removal: z.enum(["Delete", "Retain"]),
  deletionProtection: truth,
  ingestConcurrency: count,
  recommendConcurrency: count,
  apiRate: count,
  apiBurst: count,
});

/**
 * Problems of the params in effect. `known` are the params with a default. A misspelt name would silently
 * leave the default in effect.
 */
export function problemsOfParams(
  params: Readonly<Record<string, unknown>>,
  known: readonly string[],
): string[] {
  const unknown = Object.keys(params)
    .filter((name) => !known.includes(name))
    .map((name) => `param ${name} is unknown: ${nearestOf(name, known)}`);
  const { error } = values.safeParse(params, { error: inWords });
  const wrong = error?.issues.map(({ path, message }) => `param ${String(path[0])}: ${message}`);
  return [...unknown, ...(wrong ?? [])];
}
