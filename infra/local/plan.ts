import * as z from "zod";
import { port, readConfig, variables } from "../../lib/config.ts";
import type { Env } from "../../lib/config-aliases.ts";
import { UsageError } from "../cli/errors.ts";
import { known } from "../cli/nearest.ts";
import { type DeclaredFunction, readFunctions } from "../functions/declared.ts";
import { readIn, type Variable } from "../functions/variables.ts";
import { environmentOf, ROOT } from "../service/instance.ts";
import type { Address, Service } from "../service/service.ts";
import { type ServiceName, serviceNames, services } from "./services.ts";

/** What `warren start` starts, and with which settings. */
export type Plan = {
  functions: readonly DeclaredFunction[];
  services: readonly ServiceName[];
  /** ms */
  retryDelays: readonly number[];
  /** The environment of the functions, once the services have these addresses. */
  environment: (addresses: ReadonlyMap<ServiceName, Address>) => Address;
};

/**
 * The named functions with the services that they need; without names, all functions and all services.
 * Throws UsageError for a name that serverless.yml does not have, and ConfigError for wrong or missing
 * variables in `env`, before the start stops anything.
 */
export async function planOf(names: readonly string[], env: Env, root = ROOT): Promise<Plan> {
  const declared = await readFunctions(root);
  const functions = names.length === 0 ? declared : chosen(declared, names);
  const needed = serviceNames.filter((name) => functions.some(needs(services[name], env)));
  const { RETRY_DELAYS: retryDelays } = check(functions, env);
  return {
    functions,
    services: names.length === 0 ? serviceNames : needed,
    retryDelays,
    environment: (addresses) => environmentFor({ functions, addresses, env }),
  };
}

function chosen(declared: readonly DeclaredFunction[], names: readonly string[]) {
  const all = declared.map(({ name }) => name);
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length === 0) return declared.filter(({ name }) => names.includes(name));
  const lines = unknown.map((name) => `there is no function ${name}: ${known(name, all)}`);
  throw new UsageError(lines.join("\n"));
}

function needs(service: Service, env: Env): (one: DeclaredFunction) => boolean {
  return (one) =>
    !isReplaced(service, one, env) &&
    readIn(env, one.variables).some(({ name }) => service.provides.includes(name));
}

/** Whether the caller's variables replace this service for this function. */
function isReplaced(
  { replacedBy = [] }: Service,
  { variables: reads }: DeclaredFunction,
  env: Env,
) {
  return reads.some(({ name }) => replacedBy.includes(name) && env[name]);
}

/** Throws ConfigError, which names every wrong or missing variable. */
function check(functions: readonly DeclaredFunction[], env: Env) {
  const shape: Record<string, z.ZodType> = {};
  for (const one of functions) {
    for (const variable of readIn(env, one.variables)) {
      const { name } = variable;
      if (isMissing(variable, one, env)) shape[name] = variable.schema;
      else shape[name] ??= variable.schema.optional();
    }
  }
  const own = { PORT: port.optional(), RETRY_DELAYS: variables.RETRY_DELAYS };
  return readConfig(z.object({ ...shape, ...own }), env);
}

/** If the caller replaces a channel, all its variables are required: a mix with ours would reach no one. */
function isMissing({ name, required }: Variable, one: DeclaredFunction, env: Env): boolean {
  const isGiven = serviceNames.some((each) => {
    const service = services[each];
    return service.provides.includes(name) && !isReplaced(service, one, env);
  });
  return required && !isGiven;
}

/** `warren start` replaces a host that has another environment. */
function environmentFor({
  functions,
  addresses,
  env,
}: {
  functions: readonly DeclaredFunction[];
  addresses: ReadonlyMap<ServiceName, Address>;
  env: Env;
}): Address {
  const reads = functions.flatMap((one) => readIn(env, one.variables));
  const names = [...new Set(["PORT", ...reads.map(({ name }) => name)])].sort();
  const settings = names.flatMap((name) => (env[name] ? [[name, env[name]]] : []));

  const lent: Address = {};
  const whole: Address = {};
  for (const [name, address] of addresses) {
    const service: Service = services[name];
    if (service.replacedBy === undefined)
      Object.assign(whole, environmentOf(service, address, env));
    else Object.assign(lent, withoutReplaced(service, address, { functions, env }));
  }
  return { ...lent, ...(Object.fromEntries(settings) as Address), ...whole };
}

/** A function whose service the caller replaced gets nothing from ours. */
function withoutReplaced(
  service: Service,
  address: Address,
  { functions, env }: { functions: readonly DeclaredFunction[]; env: Env },
): Address {
  const own = functions.filter((one) => isReplaced(service, one, env));
  const names = new Set(own.flatMap(({ variables: reads }) => reads.map(({ name }) => name)));
  return Object.fromEntries(Object.entries(address).filter(([name]) => !names.has(name)));
}
