import { Listr } from "listr2";
import * as z from "zod";
import { contracts } from "../../events/catalogue.ts";
import { readConfig, variables } from "../../lib/config.ts";
import { startHost } from "./host.ts";
import { DEV, environmentOf, type ServiceName, services, startService } from "./instance.ts";
import { ensureDefaultKey, keysFileOf } from "./keys.ts";
import { locked } from "./lock.ts";
import { prepare } from "./prepare.ts";
import type { Address } from "./service.ts";
import { type Status, status, tableOf } from "./status.ts";

const USAGE = "Usage: warren start   (addresses of your own services by environment, see README)";

/** `warren start`: services, then all functions; finds what runs already. */
export async function command(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.error(USAGE);
    return 2;
  }
  try {
    await locked(
      DEV,
      () => startAll(DEV, { ...process.env }),
      () => {
        console.log("Another start or stop is at work here; waiting for it.");
      },
    );
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  const current = await status();
  console.log(`\n${tableOf(current)}\n\nTry it:\n\n${curlLine(current)}\n`);
  return current.ready ? 0 : 1;
}

async function startAll(directory: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { RETRY_DELAYS: retryDelays } = readConfig(
    z.object({ RETRY_DELAYS: variables.RETRY_DELAYS }),
    env,
  );
  const keysFile = keysFileOf(directory, env);
  const addresses: Address[] = [];

  const serviceTask = (name: ServiceName) => ({
    title: services[name].title,
    task: async (_: unknown, task: { output: string }) => {
      const report = (text: string) => (task.output = `${services[name].title} ${text}`);
      const address = await startService(directory, services[name], env, report);
      addresses.push(address);
      // The AWS SDK looks here for region and credentials.
      Object.assign(process.env, address);
      report("gets what the functions need");
      await prepare(name, environmentOf([address], env), { retryDelays });
    },
  });
  const functionsTask = {
    title: "Functions",
    task: async () => {
      await ensureDefaultKey(directory, keysFile);
      const environment = {
        ...environmentOf(addresses, env),
        ...settingsIn(env),
        API_KEYS_FILE: keysFile,
      };
      await startHost(directory, { environment, env });
    },
  };
  const names = Object.keys(services) as ServiceName[];
  await new Listr([
    {
      title: "Services",
      task: (_, task) => task.newListr(names.map(serviceTask), { concurrent: true }),
    },
    functionsTask,
  ]).run();
}

/** What else makes the functions run otherwise: a host that was started with others is replaced. */
function settingsIn(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["LEDGER", "LOG_LEVEL", "PORT", "PROOF_DAYS", "RETRY_DELAYS"];
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

function curlLine({ functions: { ingest } }: Status): string {
  const { type, sample: data } = contracts[0];
  return (
    `curl -sS ${ingest?.url ?? ""}/events -H 'Authorization: Bearer ${ingest?.key ?? ""}' ` +
    `-H 'Content-Type: application/json' -d '${JSON.stringify({ type, data })}'`
  );
}
