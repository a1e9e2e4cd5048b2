import type * as z from "zod";
import { aliases } from "../../events/aliases.ts";
import { contracts } from "../../events/catalogue.ts";
import type { Contract } from "../../events/contract.ts";
import { breaks } from "./breaks.ts";
import { inputSchema, type JsonSchema } from "./input-schema.ts";

/** What producers may rely on, and what queues and archives contain. */
export type Promises = {
  aliases: Record<string, string>;
  /** By type and version: the data it accepts. */
  types: Record<string, Record<string, JsonSchema>>;
};

/** The promised part of a contract. */
export type Terms = Pick<Contract<string, z.ZodType>, "type" | "version" | "data" | "older">;

/** What the sources promise now. */
export function promisesOf(
  all: readonly Terms[] = contracts as readonly Terms[],
  names: ReadonlyMap<string, string> = aliases,
): Promises {
  const types = all.map(({ type, version, data, older = [] }) => {
    const versions = [...older, { version, data }];
    return [type, Object.fromEntries(versions.map((one) => [one.version, inputSchema(one.data)]))];
  });
  return {
    aliases: Object.fromEntries(names),
    types: Object.fromEntries(types) as Promises["types"],
  };
}

/**
 * One line for each promise that `now` breaks: a removed field, a narrower type, a new required field, a
 * removed type, version or alias. Also one line for each recorded version that accepts more than before:
 * it needs a new number, so that producers can tell which readers understand them.
 */
export function brokenPromises(released: Promises, now: Promises): string[] {
  const names = Object.entries(released.aliases)
    .filter(([name, type]) => now.aliases[name] !== type && !(name in now.types))
    .map(([name, type]) => `${name} is no longer an alias of ${type}`);
  return [
    ...names,
    ...Object.entries(released.types).flatMap(([type, versions]) =>
      Object.entries(versions).flatMap(([version, schema]) =>
        brokenVersion(`${type} ${version}`, schema, {
          same: now.types[type]?.[version],
          reader: readerOf(now.types[type] ?? {}, version),
        }),
      ),
    ),
  ];
}

function brokenVersion(
  of: string,
  promised: JsonSchema,
  { same, reader }: { same: JsonSchema | undefined; reader: JsonSchema | undefined },
): string[] {
  if (reader === undefined) {
    return [`${of} is no longer read: keep it under \`older\`, with a transform`];
  }
  const at = (path: string) => ["data", path].filter(Boolean).join(".");
  const broken = breaks(promised, reader).map(
    ({ path, message }) => `${of}: ${at(path)} ${message}`,
  );
  if (broken.length > 0 || same === undefined) return broken;
  const grown = new Set(breaks(same, promised).map(({ path }) => at(path)));
  return [...grown].map(
    (path) => `${of}: ${path} accepts more than was released: raise the minor version`,
  );
}

/** Promises that are not released yet: `type version`, and names of aliases. */
export function unreleased(released: Promises, now: Promises): string[] {
  return [
    ...Object.keys(now.aliases).filter((name) => !(name in released.aliases)),
    ...Object.entries(now.types).flatMap(([type, versions]) =>
      Object.keys(versions)
        .filter((version) => released.types[type]?.[version] === undefined)
        .map((version) => `${type} ${version}`),
    ),
  ];
}

/** Both together; keeps everything in `released` unchanged. */
export function releasedWith(released: Promises, now: Promises): Promises {
  const types = Object.keys({ ...now.types, ...released.types }).map(
    (type) => [type, sorted({ ...now.types[type], ...released.types[type] })] as const,
  );
  return {
    aliases: sorted({ ...now.aliases, ...released.aliases }),
    types: sorted(Object.fromEntries(types)),
  };
}

/** As events/catalogue.ts reads it: one schema for all minors of a major. */
function readerOf(versions: Record<string, JsonSchema>, wanted: string): JsonSchema | undefined {
  const major = (version: string) => Number.parseInt(version, 10);
  return Object.entries(versions).find(([version]) => major(version) === major(wanted))?.[1];
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
