import { join } from "node:path";
import { once } from "./files.ts";
import { ROOT } from "./instance.ts";
import { keysFile } from "./keys.ts";
import { freePorts } from "./ports.ts";
import { end, launch, running, untilReady } from "./processes.ts";
import type { Address } from "./service.ts";

/** What `warren host` says of itself at `GET /status` of its admin port. */
export type HostStatus = {
  ready: boolean;
  functions: Record<string, Record<string, unknown>>;
};

type Settings = { http: number; admin: number };

/** Starts `warren host` with all functions and waits until each is ready. */
export async function startHost(directory: string, environment: Address): Promise<void> {
  const folder = join(directory, "host");
  const { http, admin } = await settingsOf(folder);
  if ((await running(folder)) !== undefined && (await statusOf(directory))?.ready) return;

  await end(folder, GRACE_MS);
  await launch({
    folder,
    command: process.execPath,
    args: [join(ROOT, "cli.ts"), "host", "--admin-port", String(admin)],
    cwd: ROOT,
    env: {
      ...process.env,
      ...environment,
      API_KEYS_FILE: keysFile(directory),
      PORT: process.env["PORT"] ?? String(http),
    },
  });
  const ready = async () => (await statusOf(directory))?.ready ?? false;
  await untilReady(folder, "warren host", ready, 60_000);
}

export function stopHost(directory: string): Promise<void> {
  return end(join(directory, "host"), GRACE_MS);
}

export async function statusOf(directory: string): Promise<HostStatus | undefined> {
  const folder = join(directory, "host");
  if ((await running(folder)) === undefined) return undefined;
  const { admin } = await settingsOf(folder);
  const signal = AbortSignal.timeout(3_000);
  const answer = await fetch(`http://127.0.0.1:${admin}/status`, { signal }).catch(() => undefined);
  return answer && ((await answer.json()) as HostStatus);
}

/** The host gives its handlers time to finish. */
const GRACE_MS = 40_000;

function settingsOf(folder: string): Promise<Settings> {
  return once(join(folder, "settings.json"), async () => {
    const [http, admin] = await freePorts(2);
    return { http: http!, admin: admin! };
  });
}
