import { arnOf, type Declared, idOf, type Resources, type Statement } from "./declared.ts";
import { brokerOf, queueEvents } from "./mappings.ts";

/** Why a statement names `*`, by Sid: AWS allows nothing narrower. A test refuses any other `*`. */
export const STAR_REASONS = {
  NetworkOfLambda:
    "Lambda attaches functions to a VPC with these, and refuses a role that has them on less than *",
  NotFromTheFunction:
    "A denial: Lambda may use these with the role, the function's own code may not",
  NetworkOfTheMapping: "EC2's Describe actions know no resources",
};

const PLACING = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];
const LOOKING = ["ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"];

/** One role for each function, with the permissions of all functions, of its kind, and of its declaration. */
export function rolesOf(functions: readonly Declared[]): Resources {
  return Object.fromEntries(
    functions.map((one) => [
      roleId(one.key),
      {
        Type: "AWS::IAM::Role",
        Metadata: checkov,
        Properties: {
          Description: `Lambda function ${one.name}`,
          AssumeRolePolicyDocument: policy([
            {
              Effect: "Allow",
              Principal: { Service: "lambda.amazonaws.com" },
              Action: ["sts:AssumeRole"],
            },
          ]),
          Policies: [{ PolicyName: "function", PolicyDocument: policy(distinct(one)) }],
        },
      },
    ]),
  );
}

export const roleId = (key: string) => idOf(key, "Role");

/** IAM refuses a policy with a duplicate Sid, and the whole deploy fails. */
function distinct(one: Declared): Statement[] {
  const statements = statementsOf(one);
  const sids = statements.flatMap(({ Sid }) => Sid ?? []);
  const twice = sids.find((sid, index) => sids.indexOf(sid) < index);
  if (twice === undefined) return statements;
  throw new Error(
    `${one.key} has two statements ${twice}: serverless.yml must not repeat the permissions of its kind`,
  );
}

function statementsOf({ key, name, events, permissions = [] }: Declared): Statement[] {
  return [
    {
      Sid: "Logs",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: arnOf(idOf(key, "LogGroup")),
    },
    { Sid: "Environment", Effect: "Allow", Action: ["kms:Decrypt"], Resource: arnOf("Key") },
    { Sid: "NetworkOfLambda", Effect: "Allow", Action: PLACING, Resource: "*" },
    {
      Sid: "NotFromTheFunction",
      Effect: "Deny",
      Action: PLACING,
      Resource: "*",
      Condition: {
        ArnEquals: {
          "lambda:SourceFunctionArn": {
            "Fn::Sub": `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${name}`,
          },
        },
      },
    },
    ...ofMappings(events),
    ...permissions,
  ];
}

/** A mapping uses its function's role. The key of `Environment` also encrypts the mapping's secret. */
function ofMappings(events: Declared["events"]): Statement[] {
  const brokers = queueEvents(events).map(brokerOf);
  if (brokers.length === 0) return [];
  return [
    {
      Sid: "Broker",
      Effect: "Allow",
      Action: ["mq:DescribeBroker"],
      Resource: brokers.map(({ arn }) => arn),
    },
    {
      Sid: "BrokerSecret",
      Effect: "Allow",
      Action: ["secretsmanager:GetSecretValue"],
      Resource: brokers.map(({ secret }) => secret),
    },
    { Sid: "NetworkOfTheMapping", Effect: "Allow", Action: LOOKING, Resource: "*" },
  ];
}

function policy(statements: readonly unknown[]) {
  return { Version: "2012-10-17", Statement: statements };
}

const checkov = {
  checkov: { skip: [{ id: "CKV_AWS_111", comment: STAR_REASONS.NetworkOfLambda }] },
};
