import { createHash } from "node:crypto";
import { join } from "node:path";
import * as z from "zod";
import { readOwn, writeSecret } from "../service/files.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { healthOf } from "./health.ts";
import { findService, ROOT } from "../service/instance.ts";
import type { Plan } from "./plan.ts";
import { serviceNames, services } from "./services.ts";
import { portRow, portsFor } from "../service/ports.ts";
import { end, launch, logOf, running, untilReady } from "../service/processes.ts";
import type { Address, Service } from "../service/service.ts";

/** The answer of `warren host` to `GET /status` on its admin port. */
const hostStatus = z.object({
  ready: z.boolean(),
  functions: z.record(z.string(), z.looseObject({ ready: z.boolean() })),
});
type HostStatus = z.infer<typeof hostStatus>;

/** The settings that the host was started with. */
const settings = z.object({
  ports: z.object({ http: z.number(), admin: z.number() }),
  /** A hash of the host's functions, environment and code. */
  variables: z.string(),
  services: z.array(z.string()),
  /** Names that the caller may choose (`defaults` of a service), such as those of tables. */
  chosen: z.record(z.string(), z.string()),
});

const HOST = [join(ROOT, "cli.ts"), "host"];
const START_MS = 180_000;
/** The host ends within 25 s; the rest is a margin for a busy machine. */
const GRACE_MS = 40_000;

/** Starts `warren host` with the functions of the plan, unless a ready host already runs
 * them with the same environment and code.
 */
export async function startHost(
  directory: string,
  { environment, env, plan }: { environment: Address; env: NodeJS.ProcessEnv; plan: Plan },
): Promise<void> {
  const folder = join(directory, "host");
  const last = await settingsOf(folder);
  const names = plan.functions.map(({ name }) => name);
  const wanted = `${names.join()} ${textOf(environment)} ${await fingerprintOf(ROOT)}`;
  const variables = createHash("sha256").update(wanted).digest("hex");
  if (last?.variables === variables && (await statusOf(directory))?.ready) return;

  await end(folder, GRACE_MS);
  const ports = await portsFor(["http", "admin"], last?.ports);
  const http = plan.functions.filter(({ trigger }) => trigger.kind === "http");
  ports.http = Number(environment["PORT"]) || (await portRow(http.length, ports.http));
  const started = { ports, variables, services: plan.services, chosen: chosenIn(environment) };
  await writeSecret(settingsFile(folder), JSON.stringify(started));
  const options = ["--admin-port", String(ports.admin), "--bind", "127.0.0.1"];
  await launch({
    folder,
    command: process.execPath,
    args: [...HOST, ...names, ...options, "--log-file", logOf(folder)],
    cwd: ROOT,
    env: {
      // Functions that import the same modules compile them once.
      NODE_COMPILE_CACHE: join(directory, "compiled"),
      ...withoutAliases(env),
      ...environment,
      PORT: String(ports.http),
    },
  });
  const ready = async () => (await statusOf(directory))?.ready ?? false;
  await untilReady(folder, "warren host", ready, START_MS, () => endedService(directory));
}

/** A service that ended after its start. Nothing restarts it, so the host would wait forever. */
async function endedService(directory: string): Promise<string | undefined> {
  for (const service of Object.values(services)) {
    const found = await findService(directory, service);
    if (found?.alive === false) return `${service.title} has ended`;
  }
  return undefined;
}

export function stopHost(directory: string): Promise<void> {
  return end(join(directory, "host"), GRACE_MS);
}

/** Undefined unless the host runs and answers. */
export async function statusOf(directory: string): Promise<HostStatus | undefined> {
  const folder = join(directory, "host");
  const last = await settingsOf(folder);
  if (last === undefined || (await running(folder)) === undefined) return undefined;
  const signal = AbortSignal.timeout(3_000);
  return fetch(`http://127.0.0.1:${last.ports.admin}/status`, { signal })
    .then((answer) => answer.json())
    .then(async (answer) => {
      const status = hostStatus.parse(answer);
      const functions = await healthOf(status.functions);
      const ready = status.ready && Object.values(functions).every((one) => one.ready);
      return { ready, functions };
    })
    .catch(() => undefined);
}

/** The services that the host's functions need, and the names they were given; undefined before the first start. */
export async function startedWith(
  directory: string,
): Promise<Pick<z.infer<typeof settings>, "services" | "chosen"> | undefined> {
  return settingsOf(join(directory, "host"));
}

function chosenIn(environment: Address): Address {
  const names = serviceNames.flatMap((name) => {
    const { defaults = {} }: Service = services[name];
    return Object.keys(defaults);
  });
  return Object.fromEntries(
    names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  );
}

async function settingsOf(folder: string): Promise<z.infer<typeof settings> | undefined> {
  return readOwn(settingsFile(folder), settings);
}

function settingsFile(folder: string): string {
  return join(folder, "settings.json");
}

function textOf(environment: Address): string {
  return JSON.stringify(Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Keeps an address, and drops the variables that it was made from (lib/config-aliases.ts). */
export function withoutAliases(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(env).filter(
    ([name]) => !name.startsWith("rabbitmq_") && name !== "REDIS_ADDR",
  );
  return Object.fromEntries(entries);
}
