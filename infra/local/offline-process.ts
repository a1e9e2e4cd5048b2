import { join } from "node:path";
import * as z from "zod";
import { readOwn } from "../service/files.ts";
import { DEV } from "../service/instance.ts";
import { isOpen } from "../service/ports.ts";

export const FOLDER = join(DEV, "offline");
/** The file exists while serverless offline runs. */
export const SETTINGS = join(FOLDER, "settings.json");

export const settings = z.object({
  ports: z.object({ http: z.number(), lambda: z.number() }),
  pid: z.number(),
});

/** A running `warren offline`. */
export type Offline = { url: string; pid: number; log: string };

/** Undefined unless the process runs and listens. */
export async function findOffline(): Promise<Offline | undefined> {
  const last = await readOwn(SETTINGS, settings);
  if (last === undefined || !isAlive(last.pid) || !(await isOpen(last.ports.http)))
    return undefined;
  return { url: `http://127.0.0.1:${last.ports.http}`, pid: last.pid, log: join(FOLDER, "log") };
}

/** Reports a running `warren offline`: another start would take its messages, a stop its services. */
export async function refuseBesideOffline(): Promise<boolean> {
  const offline = await findOffline();
  if (offline === undefined) return false;
  console.error(`\`npm run offline\` runs (process ${offline.pid}). End it with Ctrl-C first.`);
  return true;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
