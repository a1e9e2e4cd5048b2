import * as z from "zod";
import { readConfig, variables } from "../../lib/config.ts";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { declaredConstraints } from "../neo4j/declared.ts";
import { declaredCollections } from "../qdrant/declared.ts";
import { readConsumers } from "../rabbitmq/consumers.ts";
import type { Resources } from "./declared.ts";
import { type ConsumerDefaults, type FunctionOfOsls, giveDefaults } from "./defaults.ts";
import { type Parameters, problemsOf, problemsOfParams } from "./parameters.ts";
import { complete } from "./template.ts";
import type { ObservedFunction } from "./watched.ts";

/** The part of osls' object that this plugin uses. */
type Serverless = {
  serviceDir: string;
  configurationInput: { params: Record<string, Record<string, unknown>> };
  /** `--param`: each `name=value`. */
  processedInput: { options: { param?: readonly string[] } };
  getProvider: (name: "aws") => { getStage: () => string };
  service: {
    functions: Record<string, FunctionOfOsls>;
    custom: { consumers: ConsumerDefaults };
    provider: {
      compiledCloudFormationTemplate: { Resources: Resources; Parameters: Parameters };
    };
  };
  configSchemaHandler: { defineFunctionProperties: (provider: string, schema: object) => void };
  /** The error class that osls prints without a stack trace. */
  classes: { Error: new (message: string, code: string) => Error };
};

/**
 * An osls plugin for declarations in serverless.yml that osls cannot translate (template.ts). It works only
 * during packaging: other plugins see serverless.yml unchanged.
 */
export default class AwsPlugin {
  readonly hooks: Record<string, () => unknown>;

  constructor(serverless: Serverless) {
    const permissions = { type: "array", items: { type: "object" } };
    serverless.configSchemaHandler.defineFunctionProperties("aws", { properties: { permissions } });
    this.hooks = {
      // Before osls creates one role for all functions without a role.
      "before:package:setupProviderConfiguration": () => {
        const { functions, custom } = serverless.service;
        giveDefaults(functions, custom.consumers);
      },
      "after:aws:package:finalize:mergeCustomProviderResources": () => finish(serverless),
    };
  }
}

async function finish(serverless: Serverless): Promise<void> {
  const { serviceDir, service, configurationInput } = serverless;
  const { Resources, Parameters: parameters } = service.provider.compiledCloudFormationTemplate;
  const stage = serverless.getProvider("aws").getStage();
  const stages = Object.keys(configurationInput.params).filter((name) => name !== "default");
  const problems = [
    ...problemsOf(stage, { stages, parameters }),
    ...problemsOfParams(
      paramsOf(stage, serverless),
      Object.keys(configurationInput.params["default"]!),
    ),
  ];
  if (problems.length > 0) throw new serverless.classes.Error(problems.join("\n"), "WARREN_STAGE");

  const functions = Object.entries(service.functions).map(([key, one]) => ({ key, ...one }));
  complete(Resources, functions, {
    stage,
    consumers: await readConsumers(serviceDir),
    retryDelays: retryDelaysOf(Resources),
    constraints: await declaredConstraints(serviceDir),
    collections: await declaredCollections(serviceDir),
    triggered: await triggeredIn(serviceDir),
  });
}

/** The params in effect: those of the command line, then of the stage, then the defaults. */
function paramsOf(stage: string, { configurationInput, processedInput }: Serverless) {
  const given = processedInput.options.param ?? [];
  const fromCommand = given.map((text) => /^([^=]+)=(.*)$/s.exec(text)?.slice(1) ?? [text, ""]);
  const { default: defaults, [stage]: own } = configurationInput.params;
  return { ...defaults, ...own, ...(Object.fromEntries(fromCommand) as Record<string, string>) };
}

/** The retry delays of this stage's functions. */
function retryDelaysOf({ Setup }: Resources): number[] {
  const given = { RETRY_DELAYS: String(Setup?.Properties["RetryDelays"]) };
  return readConfig(z.object({ RETRY_DELAYS: variables.RETRY_DELAYS }), given).RETRY_DELAYS;
}

async function triggeredIn(root: string): Promise<ObservedFunction[]> {
  return (await readDeclaration(root)).map(({ name, trigger, timeoutMs }) => ({
    name,
    kind: trigger.kind,
    timeoutSeconds: timeoutMs / 1_000,
    ...(trigger.kind === "queue" && { queue: trigger.queue }),
  }));
}
