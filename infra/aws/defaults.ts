import type { Declared, Statement } from "./declared.ts";
import { queueEvents } from "./mappings.ts";
import { roleId } from "./roles.ts";

/** The properties of a function that this file sets for osls. */
export type FunctionOfOsls = Omit<Declared, "key"> & {
  role?: string;
  package?: { artifact?: string };
  environment?: Record<string, unknown>;
  reservedConcurrency?: number;
};

/** `custom.consumers` of serverless.yml: defaults of every function with a queue. */
export type ConsumerDefaults = {
  environment: Record<string, unknown>;
  permissions: readonly Statement[];
  reservedConcurrency: number;
};

/**
 * Gives each function its role, its zip and, if it has a queue, the defaults of all consumers. The
 * function's own settings win.
 */
export function giveDefaults(
  functions: Record<string, FunctionOfOsls>,
  consumers: ConsumerDefaults,
): void {
  for (const [key, one] of Object.entries(functions)) {
    one.role = roleId(key);
    one.package = { artifact: `dist/${key}.zip`, ...one.package };
    if (queueEvents(one.events).length === 0) continue;
    one.environment = { ...consumers.environment, ...one.environment };
    one.permissions = [...consumers.permissions, ...(one.permissions ?? [])];
    one.reservedConcurrency ??= consumers.reservedConcurrency;
  }
}
