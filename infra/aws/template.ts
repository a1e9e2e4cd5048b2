import type { QueueConsumer } from "../../lib/rabbit/topology.ts";
import {
  arnOf,
  type Declared,
  either,
  idOf,
  ref,
  type Resource,
  type Resources,
} from "./declared.ts";
import { mappingsOf } from "./mappings.ts";
import { rolesOf } from "./roles.ts";

/** The function that prepares broker and graph, and the custom resource that runs it (setup.yml). */
const SETUP = { key: "setup", id: "Setup" };

/** What the custom resource is told, so that it runs again when any of it changes. */
export type Prepared = {
  consumers: readonly QueueConsumer[];
  /** The statements that make them. */
  constraints: readonly string[];
};

/**
 * Makes what osls compiled and merged the whole stack: roles, mappings, networks and keys of the
 * functions. All functions but `setup` wait for the setup, so that new code meets the topology it needs.
 */
export function complete(
  resources: Resources,
  functions: readonly Declared[],
  { consumers, constraints }: Prepared,
): void {
  for (const [id, { Type, Properties }] of Object.entries(resources)) {
    if (Type === "AWS::Lambda::EventSourceMapping" && "Queues" in Properties) delete resources[id];
  }
  Object.assign(resources, rolesOf(functions), mappingsOf(functions, [SETUP.id]));

  for (const { key } of functions) {
    const made = found(resources, idOf(key, "LambdaFunction"));
    made.Properties["VpcConfig"] = VPC;
    if (key !== SETUP.key) made.DependsOn = [made.DependsOn ?? [], SETUP.id].flat();
    made.Metadata = { ...made.Metadata, ...CHECKOV };
  }
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type === "AWS::Logs::LogGroup") Properties["KmsKeyId"] = arnOf("Key");
  }
  Object.assign(found(resources, SETUP.id).Properties, {
    Consumers: consumers,
    Constraints: constraints,
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
          "A queue's function dead-letters by itself; a scheduled one that fails runs again, and an alarm tells",
      },
    ],
  },
};

function found(resources: Resources, id: string): Resource {
  const resource = resources[id];
  if (resource === undefined) throw new Error(`the template has no ${id}`);
  return resource;
}
