import { expect, test } from "vitest";
import { arnOf } from "../../infra/aws/declared.ts";
import { roleId, STAR_REASONS } from "../../infra/aws/roles.ts";
import { ofType, stackOf, STAGES, statementsOf } from "./stack.ts";

/** All that any role of the stack may do. A new action is a decision: it is added here by hand. */
const ALLOWED = new Set([
  "logs:CreateLogStream",
  "logs:PutLogEvents",
  "logs:DescribeLogStreams",
  "kms:Decrypt",
  "kms:DescribeKey",
  "kms:Encrypt",
  "kms:ReEncrypt*",
  "kms:GenerateDataKey*",
  "mq:DescribeBroker",
  "secretsmanager:GetSecretValue",
  "dynamodb:DescribeTable",
  "dynamodb:GetItem",
  "dynamodb:BatchGetItem",
  "dynamodb:PartiQLInsert",
  "dynamodb:PartiQLUpdate",
  "dynamodb:UpdateItem",
  "dynamodb:PartiQLDelete",
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
  "ec2:DescribeSecurityGroups",
  "ec2:DescribeVpcs",
]);

test.each(STAGES)("in %s every action of a role is on the list", (stage) => {
  const actions = statementsOf(stackOf(stage)).flatMap(({ Action }) => Action);
  expect(actions.filter((action) => !ALLOWED.has(action))).toEqual([]);
});

test("the list allows nothing that no role has", () => {
  const actions = new Set(statementsOf(stackOf("prod")).flatMap(({ Action }) => Action));
  expect([...ALLOWED].filter((action) => !actions.has(action))).toEqual([]);
});

test.each(STAGES)("in %s a statement about every resource has its reason", (stage) => {
  const everything = statementsOf(stackOf(stage)).filter(({ Resource }) =>
    JSON.stringify(Resource).includes('"*"'),
  );
  expect(everything.length).toBeGreaterThan(0);
  expect(everything.filter(({ Sid = "" }) => !Object.hasOwn(STAR_REASONS, Sid))).toEqual([]);
});

test("every function has a role of its own, and nobody but Lambda may take it", () => {
  const stack = stackOf("prod");
  const roles = ofType(stack, "AWS::Lambda::Function").map(
    ([, { Properties }]) => Properties["Role"],
  );
  expect(new Set(roles.map((role) => JSON.stringify(role))).size).toBe(roles.length);

  for (const [id, { Properties }] of ofType(stack, "AWS::IAM::Role")) {
    if (id === "FlowLogRole") continue;
    expect(Properties["ManagedPolicyArns"]).toBeUndefined();
    expect(Properties["AssumeRolePolicyDocument"]).toMatchObject({
      Statement: [{ Principal: { Service: "lambda.amazonaws.com" }, Action: ["sts:AssumeRole"] }],
    });
  }
});

test("only who keeps a ledger writes it, and only who empties a queue reads the broker's secret", () => {
  const statements = statementsOf(stackOf("prod"));
  const having = (action: string) => [
    ...new Set(statements.filter(({ Action }) => Action.includes(action)).map(({ role }) => role)),
  ];
  const emptying = having("mq:DescribeBroker");
  expect(emptying).toContain("Neo4jDashprojectorRole");
  expect(having("dynamodb:PartiQLInsert")).toEqual(emptying);
  expect(having("secretsmanager:GetSecretValue")).toEqual(emptying);
  expect(having("dynamodb:GetItem")).toEqual(["IngestRole", "RecommendRole"]);
});

test("only contacts writes the directory, and send-push, which forgets devices; who writes to people reads it", () => {
  const ofDirectory = statementsOf(stackOf("prod")).filter(({ Sid }) => Sid === "Directory");
  const writing = ofDirectory.filter(({ Action }) => Action.includes("dynamodb:PartiQLUpdate"));
  expect(writing.map(({ role }) => role).sort()).toEqual([roleId("contacts"), roleId("send-push")]);
  const reading = ["notifier", "send-email", "send-sms", "send-telegram"].map(roleId);
  expect(ofDirectory.map(({ role }) => role)).toEqual(expect.arrayContaining(reading));
  for (const { Resource } of ofDirectory) expect(Resource).toEqual(arnOf("DirectoryTable"));
});

test("what Lambda does with a role to reach the VPC, the function's code is denied", () => {
  const statements = statementsOf(stackOf("prod"));
  const placing = statements.filter(({ Sid }) => Sid === "NetworkOfLambda");
  const denied = statements.filter(({ Effect }) => Effect === "Deny");
  expect(denied.map(({ role, Action }) => ({ role, Action }))).toEqual(
    placing.map(({ role, Action }) => ({ role, Action })),
  );
  expect(denied[0]).toMatchObject({ Condition: { ArnEquals: { "lambda:SourceFunctionArn": {} } } });
});

test("a role writes to its own log group", () => {
  const logs = statementsOf(stackOf("prod")).filter(({ Sid }) => Sid === "Logs");
  expect(logs.map(({ role, Resource }) => [role, Resource])).toContainEqual([
    "IngestRole",
    arnOf("IngestLogGroup"),
  ]);
  expect(new Set(logs.map(({ Resource }) => JSON.stringify(Resource))).size).toBe(logs.length);
});
