import type { Command } from "commander";
import { exit } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { DEV, environmentOf, findService } from "../service/instance.ts";
import type { Address, Service } from "../service/service.ts";
import { startedWith, statusOf } from "./host.ts";
import { findDefaultKey, keysFileOf } from "./keys.ts";
import { findOffline } from "./offline-process.ts";
import { type ServiceName, serviceNames, services } from "./services.ts";

/** The problem of a service that was started but does not answer. */
type Silent = { ready?: false };

/** The output of `warren status --json`. It omits services that were never started. */
export type Status = {
  /** Whether everything that was started is ready. */
  ready: boolean;
  services: {
    [Name in ServiceName]?: Silent & ReturnType<(typeof services)[Name]["describe"]>;
  };
  functions: Record<
    string,
    { ready: boolean; url?: string; key?: string; [fact: string]: unknown }
  >;
  /** Set if `npm run offline` runs the functions instead of the host. */
  offline?: { url: string; pid: number };
};

/** What runs in the instance of `npm start`, and where. Checks that every service answers. */
export async function status(directory = DEV, env = process.env): Promise<Status> {
  const [found, host, started, key, offline] = await Promise.all([
    Promise.all(serviceNames.map((name) => look(directory, services[name]))),
    statusOf(directory),
    startedWith(directory),
    findDefaultKey(directory, keysFileOf(directory, env)).catch(() => undefined),
    findOffline(),
  ]);
  const functions: Status["functions"] = { ...host?.functions };
  const ingest = functions["ingest"];
  if (ingest !== undefined && key !== undefined) functions["ingest"] = { ...ingest, key };

  const needed = (offline === undefined && started?.services) || serviceNames;
  const facts = serviceNames.flatMap((name, index) => {
    const { at, ready } = found[index]!;
    if (at === undefined) return [];
    const environment = { ...environmentOf(services[name], at, {}), ...started?.chosen, ...at };
    return [[name, { ...services[name].describe(environment), ...(!ready && { ready }) }]];
  });
  return {
    ready:
      serviceNames.every((name, index) => found[index]!.ready || !needed.includes(name)) &&
      (host?.ready === true || offline !== undefined),
    services: Object.fromEntries(facts) as Status["services"],
    functions,
    ...(offline && { offline: { url: offline.url, pid: offline.pid } }),
  };
}

/** `warren status [--json]`; exit code 0 when everything is ready. */
export function define(command: Command): void {
  command
    .option("--json", "print an object: ready, services, functions; with passwords and the key")
    .addHelpText("after", notes("warren status --json"))
    .action(async ({ json = false }: { json?: boolean }) => {
      const current = await status();
      console.log(json ? JSON.stringify(current) : tableOf(current));
      exit(current.ready ? 0 : 1);
    });
}

/** For people: without passwords and keys. */
export function tableOf({ ready, services: found, functions, offline }: Status): string {
  const rows = [
    ...serviceNames.map((name): [string, string[]] => [services[name].title, rowOf(name, found)]),
    ...Object.entries(functions).map(([name, facts]): [string, string[]] => [name, factsOf(facts)]),
  ];
  const lines = rows.map(([name, texts]) => `  ${name.padEnd(18)} ${texts.join("  ")}`);
  const elsewhere = offline ? `under serverless offline  ${offline.url}` : "do not run";
  const hosted = Object.keys(functions).length > 0 ? [] : [`  Functions          ${elsewhere}`];
  const verdict = ready ? "Ready." : "Not ready. Run `npm start` to start what is missing.";
  return [...lines, ...hosted, verdict].join("\n");
}

function rowOf(name: ServiceName, found: Status["services"]): string[] {
  const facts = found[name];
  if (facts === undefined) return ["does not run"];
  const service: Service = services[name];
  return [...(facts.ready === false ? ["DOES NOT ANSWER"] : []), ...service.row(facts)];
}

function factsOf(facts: Status["functions"][string]): string[] {
  const texts = Object.entries(facts)
    .filter(([name]) => name !== "ready" && name !== "key")
    .map(([name, value]) => `${name} ${String(value)}`);
  return [facts.ready ? "ready" : "NOT READY", ...texts];
}

async function look(
  directory: string,
  service: Service,
): Promise<{ at?: Address; ready: boolean }> {
  const found = await findService(directory, service).catch(() => undefined);
  if (found === undefined) return { ready: false };
  return { at: found.address, ready: found.alive && (await service.answers(found.address)) };
}
