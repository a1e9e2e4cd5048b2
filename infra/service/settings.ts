import { join } from "node:path";
import * as z from "zod";
import { newPassword, readOwn, writeSecret } from "./files.ts";
import { portsFor } from "./ports.ts";

/** The settings that the first start of a service chose. Later starts reuse them. */
export type Settings<Port extends string> = { ports: Record<Port, number>; password: string };

const settings = z.object({ ports: z.record(z.string(), z.number()), password: z.string() });

/** Undefined before the first start. */
export async function readSettings<Port extends string>(
  folder: string,
): Promise<Settings<Port> | undefined> {
  return (await readOwn(fileOf(folder), settings)) as Settings<Port> | undefined;
}

/** Call this before a start, while the service does not run. Replaces ports that another process took. */
export async function chooseSettings<Port extends string>(
  folder: string,
  ports: readonly Port[],
): Promise<Settings<Port>> {
  const last = await readSettings<Port>(folder);
  const chosen = {
    ports: await portsFor(ports, last?.ports),
    password: last?.password ?? newPassword(),
  };
  await writeSecret(fileOf(folder), JSON.stringify(chosen));
  return chosen;
}

function fileOf(folder: string): string {
  return join(folder, "settings.json");
}
