import { type Command, Option } from "commander";
import type * as z from "zod";
import { aliases } from "../../events/aliases.ts";
import { contracts, type EventType } from "../../events/catalogue.ts";
import type { Contract } from "../../events/contract.ts";
import { FailedError } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { readConsumers } from "../rabbitmq/consumers.ts";
import { brokenPromises, promisesOf, releasedWith, unreleased } from "./promises.ts";
import { readReleased, writeReleased } from "./released.ts";

export type Entry = {
  type: EventType;
  version: string;
  /** Former versions that are still read. */
  older: string[];
  /** The fields of the ordering key. */
  key: string[];
  /** Queues. If there are none, events.unconsumed keeps the event. */
  consumers: string[];
  /** Other names that ingest accepts for this type. */
  aliases: string[];
  /** Only functions publish it. */
  internal: boolean;
  meaning: string;
};

/** `warren catalogue` */
export function define(command: Command): void {
  command
    .addOption(
      new Option(
        "--json",
        "print an array of objects: type, version, older, key, consumers, aliases, internal, meaning",
      ).conflicts("release"),
    )
    .option(
      "--release",
      "record new versions in events/released.json; they are promises from then on",
    )
    .addHelpText("after", notes("warren catalogue --json"))
    .action(async ({ json = false, release: wanted = false }: Record<string, boolean>) => {
      if (wanted) return release();
      const entries = catalogueOf(await readConsumers());
      console.log(json ? JSON.stringify(entries, null, 2) : tableOf(entries));
    });
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

async function release(): Promise<void> {
  const [released, now] = [await readReleased(), promisesOf()];
  const broken = brokenPromises(released, now);
  if (broken.length > 0) {
    const lines = ["Nothing is recorded while a promise is broken:", ...broken];
    throw new FailedError(lines.join("\n  "));
  }
  const fresh = unreleased(released, now);
  if (fresh.length > 0) await writeReleased(releasedWith(released, now));
  console.log(fresh.length === 0 ? "Nothing is new." : ["Recorded:", ...fresh].join("\n  "));
}
