import { expect, test } from "vitest";
import { problemsOf } from "./parameters.ts";

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
