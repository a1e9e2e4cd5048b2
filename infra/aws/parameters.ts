/** The stack's parameters (parameters.yml), whose defaults are the stage's. */
export type Parameters = Record<string, { Default?: unknown }>;

/** What makes sense only together. */
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
 * Why this must not be deployed; empty if nothing speaks against it. A misspelt stage would become a
 * stack of its own, with the defaults; a broker or VPC named by half would fail half made.
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
