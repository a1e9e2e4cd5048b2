import { join } from "node:path";
import * as z from "zod";
import { newPassword, readOwn, writeSecret } from "./files.ts";
import { portsFor } from "./ports.ts";

/** What was chosen for a service at its first start here, and holds for all later ones. */
export type Settings<Port extends string> = { ports: Record<Port, number>; password: string };

const settings = z.object({ ports: z.record(z.string(), z.number()), password: z.string() });

/** Undefined before the first start. */
export async function readSettings<Port extends string>(
  folder: string,
): Promise<Settings<Port> | undefined> {
  return (await readOwn(fileOf(folder), settings)) as Settings<Port> | undefined;
}

/** For a start, while nothing of the service runs: replaces ports that a stranger took. */
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
