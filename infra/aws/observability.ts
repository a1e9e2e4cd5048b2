import { deadQueue, UNCONSUMED } from "../../lib/rabbit/names.ts";
import { kindOf } from "../alarms/queues.ts";
import { alarmsOf } from "./alarms.ts";
import { dashboardOf } from "./dashboard.ts";
import { type Observed, type Resources, TOPIC_ID } from "./watched.ts";

/**
 * CloudFormation resources that monitor the system: an encrypted SNS topic, alarms that publish to it, a
 * dashboard. `queues` are the queues of the topology. The dead letters of each work queue and the
 * unconsumed events are always included. Throws if two names would become the same logical id.
 */
export function observability({
  functions,
  queues,
  stage,
}: Omit<Observed, "namespace">): Resources {
  const named = [...queues, ...functions.flatMap(({ queue }) => queue ?? [])];
  const dead = named.filter((queue) => kindOf(queue) === "work").map(deadQueue);
  const observed: Observed = {
    functions,
    queues: [...new Set([...named, ...dead, UNCONSUMED])],
    stage,
    namespace: `Warren/${stage}`,
  };
  return { ...topic(stage), ...alarmsOf(observed), Dashboard: dashboardOf(observed) };
}

/** CloudWatch may not use AWS' own key for SNS, so the topic has a key that permits CloudWatch. */
function topic(stage: string): Resources {
  const cloudWatch = { Service: "cloudwatch.amazonaws.com" };
  const fromHere = { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } };
  return {
    AlarmKey: {
      Type: "AWS::KMS::Key",
      Properties: {
        Description: `Alarms of warren-${stage}`,
        EnableKeyRotation: true,
        KeyPolicy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "AccountAdministers",
              Effect: "Allow",
              Principal: {
                AWS: { "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" },
              },
              Action: "kms:*",
              // In a key policy, `*` is the key itself.
              Resource: "*",
            },
            {
              Sid: "AlarmsEncrypt",
              Effect: "Allow",
              Principal: cloudWatch,
              Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
              Resource: "*",
              Condition: fromHere,
            },
          ],
        },
      },
    },
    [TOPIC_ID]: {
      Type: "AWS::SNS::Topic",
      Properties: { TopicName: `warren-${stage}-alarms`, KmsMasterKeyId: { Ref: "AlarmKey" } },
    },
    AlarmTopicPolicy: {
      Type: "AWS::SNS::TopicPolicy",
      Properties: {
        Topics: [{ Ref: TOPIC_ID }],
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "AlarmsSpeak",
              Effect: "Allow",
              Principal: cloudWatch,
              Action: "sns:Publish",
              Resource: { Ref: TOPIC_ID },
              Condition: fromHere,
            },
          ],
        },
      },
    },
  };
}
