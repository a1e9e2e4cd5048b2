import { expect, test } from "vitest";
import { stackOf, type Stack } from "./stack.ts";

/** Where two templates differ, with both values; names of the stages and times of packaging do not count. */
function differences(one: Stack, other: Stack): Record<string, [unknown, unknown]> {
  const found: Record<string, [unknown, unknown]> = {};
  const compare = (path: string, a: unknown, b: unknown) => {
    const keys = new Set([...Object.keys(Object(a)), ...Object.keys(Object(b))]);
    if (typeof a === "object" && typeof b === "object") {
      for (const key of keys) compare(`${path}.${key}`, at(a, key), at(b, key));
    } else if (a !== b) found[path.slice(1)] = [a, b];
  };
  compare("", comparable(one), comparable(other));
  return found;
}

const at = (value: unknown, key: string) => (value as Record<string, unknown> | null)?.[key];

function comparable(stack: Stack): unknown {
  const text = JSON.stringify(stack).replaceAll(/serverless\/warren\/\w+\/[^/"]+\//g, "");
  return JSON.parse(text.replaceAll(/\b(dev|staging|prod)\b/g, "STAGE"));
}

test("dev and prod differ in what serverless.yml lists, and in nothing else", () => {
  const found = differences(stackOf("dev"), stackOf("prod"));
  const kinds = new Set(Object.keys(found).map((path) => path.split(".").at(-1) ?? ""));
  expect([...kinds].toSorted()).toEqual([
    "Default",
    "DeletionPolicy",
    "DeletionProtectionEnabled",
    "HostInstanceType",
    "ReservedConcurrentExecutions",
    "RetentionInDays",
    "ThrottlingBurstLimit",
    "ThrottlingRateLimit",
    "UpdateReplacePolicy",
  ]);
  expect(found).toMatchObject({
    "Parameters.BrokerMode.Default": ["SINGLE_INSTANCE", "CLUSTER_MULTI_AZ"],
    "Resources.Broker.Properties.HostInstanceType": ["mq.m7g.medium", "mq.m7g.large"],
    "Resources.LedgerTable.Properties.DeletionProtectionEnabled": [false, true],
    "Resources.IngestLambdaFunction.Properties.ReservedConcurrentExecutions": [5, 50],
    "Resources.HttpApiStage.Properties.DefaultRouteSettings.ThrottlingRateLimit": [50, 1000],
  });
});

test("staging is prod in a smaller size, and may be removed", () => {
  const found = differences(stackOf("staging"), stackOf("prod"));
  expect(found["Parameters.BrokerMode.Default"]).toBeUndefined();
  expect(found["Resources.LedgerTable.DeletionPolicy"]).toEqual(["Delete", "Retain"]);
});

test("a broker and a VPC of the user's own differ in parameters alone", () => {
  const found = differences(stackOf("prod"), stackOf("existing"));
  expect(Object.keys(found).toSorted()).toEqual([
    "Parameters.ExistingBrokerArn.Default",
    "Parameters.ExistingBrokerEndpoint.Default",
    "Parameters.ExistingBrokerSecretArn.Default",
    "Parameters.ExistingBrokerSecurityGroupId.Default",
    "Parameters.ExistingSubnetIds.Default",
    "Parameters.ExistingVpcId.Default",
  ]);
});

test("ingest holds as many connections to the broker as its stage says, at most", () => {
  const { Properties } = stackOf("prod").Resources["IngestLambdaFunction"]!;
  expect(Properties["ReservedConcurrentExecutions"]).toBe(50);
});
