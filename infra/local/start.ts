import { Listr } from "listr2";
import { readConfig, variables } from "../../lib/config.ts";
import * as z from "zod";
import { startHost } from "./host.ts";
import { DEV, environmentOf, services, startService } from "./instance.ts";
import { defaultKey } from "./keys.ts";
import { locked } from "./lock.ts";
import { prepare } from "./prepare.ts";
import type { Address } from "./service.ts";
import { print, status } from "./status.ts";

/** `warren start`: services, then all functions; finds what runs already. */
export async function command(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.error("Usage: warren start   (addresses and ports by environment, see README)");
    return 2;
  }
  const { RETRY_DELAYS } = readConfig(
    z.object({ RETRY_DELAYS: variables.RETRY_DELAYS }),
    process.env,
  );
  try {
    await locked(DEV, () => startAll(RETRY_DELAYS));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  const current = await status();
  print(current);
  console.log(
    `\nTry it:\n\n${curlLine(String(current.functions["ingest"]?.["url"]), await defaultKey(DEV))}\n`,
  );
  return current.ready ? 0 : 1;
}

async function startAll(retryDelays: readonly number[]): Promise<void> {
  const addresses: Address[] = [];
  const tasks = new Listr(
    [
      {
        title: "Services",
        task: (_, task) =>
          task.newListr(
            services.map((service) => ({
              title: service.title,
              task: async () => {
                addresses.push(await startService(DEV, service, process.env));
              },
            })),
            { concurrent: true, exitOnError: true },
          ),
      },
      {
        title: "Topology, tables, constraints, key",
        task: async () => {
          await prepare(environmentOf(addresses, process.env), { retryDelays });
          await defaultKey(DEV);
        },
      },
      {
        title: "Functions",
        task: () => startHost(DEV, environmentOf(addresses, process.env)),
      },
    ],
    { rendererOptions: { collapseSubtasks: false } },
  );
  await tasks.run();
}

function curlLine(url: string, key: string): string {
  const event = { type: "user.signup", data: { user_id: "user_1", email: "ada@example.com" } };
  return `curl -s ${url}/events -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '${JSON.stringify(event)}'`;
}
