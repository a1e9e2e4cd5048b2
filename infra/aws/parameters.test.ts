import { expect, test } from "vitest";
import { problemsOf, problemsOfParams } from "./parameters.ts";

const stages = ["dev", "prod"];

test("a stage of serverless.yml with nothing but defaults has no problem", () => {
  const parameters = { ExistingBrokerArn: { Default: "" }, ExistingVpcId: { Default: "" } };
  expect(problemsOf("prod", { stages, parameters })).toEqual([]);
});

test("a stage that serverless.yml does not know is refused", () => {
  expect(problemsOf("prdo", { stages, parameters: {} })).toEqual([
    "stage prdo is not among the params of serverless.yml: dev, prod",
  ]);
});

test("a broker and a VPC that exist must be named whole", () => {
  const parameters = {
    ExistingBrokerArn: { Default: "arn:aws:mq:eu-central-1:123456789012:broker:b:b-1" },
    ExistingBrokerSecretArn: {
      Default: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:b",
    },
    ExistingVpcId: { Default: "vpc-1" },
  };
  expect(problemsOf("dev", { stages, parameters })).toEqual([
    "param existingBrokerArn needs existingBrokerEndpoint, existingBrokerSecurityGroupId",
    "param existingVpcId needs existingSubnetIds",
  ]);
});

test("a param that is misspelt, or has a value that nothing would refuse in time, is named", () => {
  const defaults = {
    vhost: "warren",
    brokerVersion: "4.3",
    brokerMode: "SINGLE_INSTANCE",
    neo4jCidr: "0.0.0.0/0",
    neo4jPort: 7687,
    logLevel: "info",
    logRetentionDays: 14,
    removal: "Delete",
    ingestConcurrency: 5,
    recommendConcurrency: 5,
    apiBurst: 100,
    natGateway: "true",
    deletionProtection: false,
    apiRate: 50,
    retryDelays: "5s,1m",
  };
  const all = Object.keys(defaults);
  expect(problemsOfParams(defaults, all)).toEqual([]);
  expect(
    problemsOfParams(
      {
        ...defaults,
        natGatway: "true",
        natGateway: "yes",
        removal: "Keep",
        apiRate: "abc",
        vhost: "/",
        logRetentionDays: 15,
      },
      all,
    ),
  ).toEqual([
    "param natGatway is unknown: did you mean natGateway?",
    "param vhost: must be a name, other than /",
    "param natGateway: must be true or false",
    expect.stringContaining("param logRetentionDays: must be one of 1, 3, 5"),
    "param removal: must be one of Delete, Retain",
    "param apiRate: must be a whole number",
  ]);
});
