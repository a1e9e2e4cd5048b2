import type { Command } from "commander";
import { Listr, PRESET_TIMER } from "listr2";
import { contracts } from "../../events/catalogue.ts";
import { exit } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { DEV, environmentOf, startService } from "../service/instance.ts";
import { locked } from "../service/lock.ts";
import { memoryOf } from "../service/processes.ts";
import type { Address, Service } from "../service/service.ts";
import { startHost } from "./host.ts";
import { ensureDefaultKey, keysFileOf } from "./keys.ts";
import { refuseBesideOffline } from "./offline-process.ts";
import { type Plan, planOf } from "./plan.ts";
import { type ServiceName, services } from "./services.ts";
import { status, tableOf } from "./status.ts";

/** `warren start [function …]` */
export function define(command: Command): void {
  command
    .argument("[function...]", "functions of serverless.yml (default: all)")
    .addHelpText("after", `\n${NAMES}`)
    .addHelpText(
      "after",
      notes("warren start ingest neo4j-projector", {
        PORT: "port of ingest (default: a free one)",
        "…": "addresses of your own services, and settings of the functions: docs/settings.md",
      }),
    )
    .action(async (names: string[]) => exit(await start(names)));
}

const NAMES = `Without a name: all functions and all services. With names: these functions only, with the services
that they need. A function that shares its folder with another, such as neo4j-prune with
neo4j-projector, starts only when you name it. Functions that run and that you do not name end;
services that run go on running. All functions keep their queues, so a function that you start later
still gets its events.`;

/** Starts the named functions, or all, and their services; keeps what already runs. Returns the exit code. */
export async function start(names: readonly string[]): Promise<number> {
  if (await refuseBesideOffline()) return 1;
  const env = { ...process.env };
  const plan = await planOf(names, env);
  const waits = () => console.log("Waiting for another start or stop to finish.");
  const functions = { title: "Functions", start: startHost };
  if (!(await locked(DEV, () => startAll(DEV, { plan, env }, functions), waits))) return 1;
  const current = await status();
  console.log(`\n${tableOf(current)}`);
  if (current.ready) console.log(await costOf(DEV));
  const { url, key } = current.functions["ingest"] ?? {};
  if (url !== undefined && key !== undefined) {
    console.log(`\nTry it:\n\n${curlLine({ url, key })}\n`);
  }
  return current.ready ? 0 : 1;
}

/** Seconds since this command started, and the memory of what it started or found running. */
async function costOf(directory: string): Promise<string> {
  const seconds = (performance.now() / 1_000).toFixed(1);
  const megabytes = Math.round(await memoryOf(directory)).toLocaleString("en");
  return `ready in ${seconds} s, ${megabytes} MB (resident, without containers)`;
}

/** Runs with the environment of the services, once they are ready. */
type Functions = {
  title: string;
  start: (
    directory: string,
    given: { environment: Address; env: NodeJS.ProcessEnv; plan: Plan },
  ) => Promise<void>;
};

/** Prints the seconds of each task. */
const TIMED = {
  rendererOptions: { timer: PRESET_TIMER },
  fallbackRendererOptions: { timer: PRESET_TIMER },
};

/** False when something failed; prints the reason. */
export async function startAll(
  directory: string,
  { plan, env }: { plan: Plan; env: NodeJS.ProcessEnv },
  functions: Functions,
): Promise<boolean> {
  const keysFile = keysFileOf(directory, env);
  const addresses = new Map<ServiceName, Address>();
  let failed = false;

  const serviceTask = (name: ServiceName) => ({
    title: services[name].title,
    task: (_: unknown, task: { output: string }) =>
      startOne(name, task).catch((error: unknown) => {
        failed = true;
        throw error;
      }),
  });
  const startOne = async (name: ServiceName, task: { output: string }) => {
    const service: Service = services[name];
    const report = (text: string) => (task.output = `${service.title} ${text}`);
    const address = await startService(directory, service, env, report);
    addresses.set(name, address);
    // The AWS SDK reads region and credentials from here.
    Object.assign(process.env, address);
    report("creates what the functions need");
    await service.prepare?.({ ...env, ...environmentOf(service, address, env) }, plan);
  };
  const functionsTask = {
    title: functions.title,
    skip: () => failed,
    task: async () => {
      await ensureDefaultKey(directory, keysFile);
      const environment = {
        ...plan.environment(addresses),
        API_KEYS_FILE: keysFile,
        // In a key store of a deployment, ingest accepts the keys of that store.
        API_KEYS_TABLE: "",
      };
      await functions.start(directory, { environment, env, plan });
    },
  };
  const tasks = new Listr(
    [
      {
        title: "Services",
        // Wait for all, even if one fails: `warren stop` cannot stop a service that is still starting.
        task: (_, task) =>
          task.newListr(plan.services.map(serviceTask), { concurrent: true, exitOnError: false }),
      },
      functionsTask,
    ],
    TIMED,
  );
  return tasks.run().then(
    () => !failed,
    () => false,
  );
}

export function curlLine({ url, key }: { url: string; key: string }): string {
  const example: string = "interaction.viewed";
  const { type, sample: data } = contracts.find((one) => one.type === example) ?? contracts[0];
  return (
    `curl -sS ${url}/events -H 'Authorization: Bearer ${key}' ` +
    `-H 'Content-Type: application/json' -d '${JSON.stringify({ type, data })}'`
  );
}
