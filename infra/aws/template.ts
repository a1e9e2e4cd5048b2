import type { Constraint } from "../../kit/neo4j/constraints.ts";
import type { Collections } from "../../kit/qdrant/collections.ts";
import { type QueueConsumer, topologyOf } from "../../lib/rabbit/topology.ts";
import { arnOf, type Declared, either, ref, type Resource, type Resources } from "./declared.ts";
import { mappingsOf } from "./mappings.ts";
import { observability } from "./observability.ts";
import { rolesOf } from "./roles.ts";
import { lambdaId, type ObservedFunction } from "./watched.ts";

/** The function that prepares broker and graph, and the custom resource that runs it (setup.yml). */
const SETUP = { key: "setup", id: "Setup" };

/** What the stack needs besides serverless.yml's functions. */
type Project = {
  stage: string;
  consumers: readonly QueueConsumer[];
  /** ms */
  retryDelays: readonly number[];
  /** What the graph and Qdrant must contain. */
  constraints: readonly Constraint[];
  collections: Collections;
  /** The functions with a trigger. */
  triggered: readonly ObservedFunction[];
};

/**
 * Completes the template of osls: adds roles, mappings, networks and keys of the functions, and their
 * monitoring. All functions but `setup` wait for the setup, so that new code meets the topology it needs.
 */
export function complete(
  resources: Resources,
  functions: readonly Declared[],
  { stage, consumers, retryDelays, constraints, collections, triggered }: Project,
): void {
  for (const [id, { Type, Properties }] of Object.entries(resources)) {
    if (Type === "AWS::Lambda::EventSourceMapping" && "Queues" in Properties) delete resources[id];
  }
  const queues = topologyOf({ consumers, retryDelays }).queues.map(({ name }) => name);
  Object.assign(
    resources,
    rolesOf(functions),
    mappingsOf(functions, [SETUP.id]),
    observability({ functions: triggered, queues, stage }),
  );

  for (const { key } of functions) {
    const made = found(resources, lambdaId(key));
    made.Properties["VpcConfig"] = VPC;
    if (key !== SETUP.key) made.DependsOn = [made.DependsOn ?? [], SETUP.id].flat();
    made.Metadata = { ...made.Metadata, ...CHECKOV };
  }
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type === "AWS::Logs::LogGroup") Properties["KmsKeyId"] = arnOf("Key");
  }
  // CloudFormation runs setup again when one of these properties changes.
  Object.assign(found(resources, SETUP.id).Properties, {
    Consumers: consumers,
    Constraints: constraints,
    Collections: collections,
  });
}

const VPC = {
  SecurityGroupIds: [{ "Fn::GetAtt": ["FunctionsSecurityGroup", "GroupId"] }],
  SubnetIds: either(
    "MakeNetwork",
    [ref("PrivateSubnetA"), ref("PrivateSubnetB"), ref("PrivateSubnetC")],
    ref("ExistingSubnetIds"),
  ),
};

const CHECKOV = {
  checkov: {
    skip: [
      {
        id: "CKV_AWS_116",
        comment:
          "Queue functions dead-letter their messages; a failed scheduled function runs again and raises an alarm",
      },
    ],
  },
};

function found(resources: Resources, id: string): Resource {
  const resource = resources[id];
  if (resource === undefined) throw new Error(`the template has no ${id}`);
  return resource;
}
