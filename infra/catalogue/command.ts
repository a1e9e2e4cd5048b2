import { parseArgs } from "node:util";
import type * as z from "zod";
import { aliases } from "../../events/aliases.ts";
import { contracts, type EventType } from "../../events/catalogue.ts";
import type { Contract } from "../../events/contract.ts";
import { readConsumers } from "../rabbitmq/consumers.ts";
import { brokenPromises, promisesOf, releasedWith, unreleased } from "./promises.ts";
import { readReleased, writeReleased } from "./released.ts";

const USAGE = `Usage: warren catalogue [--json]    every event: version, key, who consumes it, what it means
       warren catalogue --release   records what is new; events/released.json is then a promise`;

export type Entry = {
  type: EventType;
  version: string;
  /** Former versions that are still read. */
  older: string[];
  /** The fields by which its events keep their order. */
  key: string[];
  /** Queues. None: the event is kept in events.unconsumed. */
  consumers: string[];
  /** Names that ingest takes for it. */
  aliases: string[];
  /** Only functions make it. */
  internal: boolean;
  meaning: string;
};

/** `warren catalogue` */
export async function command(args: string[]): Promise<number> {
  const wanted = flagsOf(args);
  if (wanted === undefined) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  if (wanted.release) return release();
  const entries = catalogueOf(await readConsumers());
  console.log(wanted.json ? JSON.stringify(entries, null, 2) : tableOf(entries));
  return 0;
}

/** Sorted by type. */
export function catalogueOf(
  consumers: readonly { queue: string; accepts: readonly string[] }[],
): Entry[] {
  const all = contracts as readonly Contract<EventType, z.ZodType>[];
  return all
    .map(({ type, version, meaning, internal = false, older = [], ...terms }) => ({
      type,
      version,
      older: older.map((one) => one.version),
      key: keyFields(terms),
      consumers: consumers.filter(({ accepts }) => accepts.includes(type)).map((one) => one.queue),
      aliases: [...aliases].filter(([, named]) => named === type).map(([alias]) => alias),
      internal,
      meaning,
    }))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

/** Which fields of the sample the contract looks at to make the key. */
function keyFields({
  data,
  key,
  sample,
}: Pick<Contract<string, z.ZodType>, "data" | "key" | "sample">): string[] {
  const fields = new Set<string>();
  const watched = new Proxy(data.parse(sample) as object, {
    get(target, name) {
      fields.add(String(name));
      return Reflect.get(target, name) as unknown;
    },
  });
  key(watched);
  return [...fields];
}

function tableOf(entries: readonly Entry[]): string {
  const rows = entries.map(({ type, version, older, key, consumers, internal, meaning }) => [
    type,
    [version, ...older].join(" "),
    key.join("+"),
    consumers.join(" ") || "-",
    internal ? `${meaning} (internal)` : meaning,
  ]);
  const all = [["type", "version", "key", "consumers", "meaning"], ...rows];
  const widths = all[0]!.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

async function release(): Promise<number> {
  const [released, now] = [await readReleased(), promisesOf()];
  const broken = brokenPromises(released, now);
  if (broken.length > 0) {
    console.error(["Nothing is recorded while a promise is broken:", ...broken].join("\n  "));
    return 1;
  }
  const fresh = unreleased(released, now);
  if (fresh.length > 0) await writeReleased(releasedWith(released, now));
  console.log(fresh.length === 0 ? "Nothing is new." : ["Recorded:", ...fresh].join("\n  "));
  return 0;
}

function flagsOf(args: string[]): { json: boolean; release: boolean } | undefined {
  try {
    const flag = { type: "boolean", default: false } as const;
    const { values } = parseArgs({ args, options: { json: flag, release: flag } });
    return values.json && values.release ? undefined : values;
  } catch {
    return undefined;
  }
}
