import type { Command } from "commander";
import { Listr } from "listr2";
import * as z from "zod";
import { contracts } from "../../events/catalogue.ts";
import { proofVariables } from "../../functions/neo4j-projector/config.ts";
import { shopRecipients } from "../../functions/notifier/shop.ts";
import { pushVariables } from "../../functions/send-push/config.ts";
import { mailVariables } from "../../functions/send-email/config.ts";
import { smsVariables } from "../../functions/send-sms/config.ts";
import { telegramVariables } from "../../functions/send-telegram/config.ts";
import { port, readConfig, variables } from "../../lib/config.ts";
import { sending } from "../../kit/sending/config.ts";
import { exit, UsageError } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { startHost } from "./host.ts";
import { DEV, environmentOf, startService } from "../service/instance.ts";
import { type ServiceName, services } from "./services.ts";
import { ensureDefaultKey, keysFileOf } from "./keys.ts";
import { locked } from "../service/lock.ts";
import { namesOfOwnChannels, withoutOwnChannels } from "./own-channels.ts";
import { refuseBesideOffline } from "./offline-process.ts";
import { prepare } from "./prepare.ts";
import type { Address } from "../service/service.ts";
import { status, tableOf } from "./status.ts";

/** `warren start`: services, then all functions; finds what runs already. */
export function define(command: Command): void {
  command
    .argument("[function...]", "functions of serverless.yml (default: all)")
    .addHelpText(
      "after",
      notes("warren start", {
        PORT: "port of ingest (default: a free one)",
        "…": "addresses of your own services, and settings of the functions: docs/settings.md",
      }),
    )
    .action(async (names: string[]) => exit(await start(names)));
}

async function start(names: readonly string[]): Promise<number> {
  if (names.length > 0) throw new UsageError("start takes no functions yet: it starts all");
  if (await refuseBesideOffline()) return 1;
  const waits = () => console.log("Another start or stop is at work here; waiting for it.");
  const functions = { title: "Functions", start: startHost };
  const work = () => startAll(DEV, { ...process.env }, functions);
  if (!(await locked(DEV, work, waits))) return 1;
  const current = await status();
  const { url = "", key = "" } = current.functions["ingest"] ?? {};
  console.log(`\n${tableOf(current)}\n\nTry it:\n\n${curlLine({ url, key })}\n`);
  return current.ready ? 0 : 1;
}

/** What is run with the environment of the services, once they are there. */
type Functions = {
  title: string;
  start: (
    directory: string,
    given: { environment: Address; env: NodeJS.ProcessEnv },
  ) => Promise<void>;
};

/** False when something failed; what and why is on the terminal then. */
export async function startAll(
  directory: string,
  env: NodeJS.ProcessEnv,
  functions: Functions,
): Promise<boolean> {
  const { RETRY_DELAYS: retryDelays } = readConfig(settings, env);
  namesOfOwnChannels(env);
  const keysFile = keysFileOf(directory, env);
  const addresses: Address[] = [];
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
    const report = (text: string) => (task.output = `${services[name].title} ${text}`);
    const address = await startService(directory, services[name], env, report);
    addresses.push(address);
    // The AWS SDK looks here for region and credentials.
    Object.assign(process.env, address);
    report("gets what the functions need");
    await prepare(name, environmentOf([address], env), { retryDelays });
  };
  const functionsTask = {
    title: functions.title,
    skip: () => failed,
    task: async () => {
      await ensureDefaultKey(directory, keysFile);
      const environment = {
        ...withoutOwnChannels(environmentOf(addresses, env), env),
        ...settingsIn(env),
        API_KEYS_FILE: keysFile,
        // Of another place, if somebody keeps the keys of a deployment: ingest takes one of them.
        API_KEYS_TABLE: "",
      };
      await functions.start(directory, { environment, env });
    },
  };
  const names = Object.keys(services) as ServiceName[];
  const tasks = new Listr([
    {
      title: "Services",
      // Whatever fails, the others come to an end: nobody could stop what is still starting.
      task: (_, task) =>
        task.newListr(names.map(serviceTask), { concurrent: true, exitOnError: false }),
    },
    functionsTask,
  ]);
  return tasks.run().then(
    () => !failed,
    () => false,
  );
}

const embeddingNames = {
  EMBEDDER: z.string(),
  EMBEDDING_URL: z.string(),
  EMBEDDING_API_KEY: z.string(),
  EMBEDDING_MODEL: z.string(),
  EMBEDDING_DIMENSIONS: z.string(),
  QDRANT_PREFIX: z.string(),
};

/**
 * What else the functions read. Checked before anything is ended: a wrong variable must not cost
 * a host that runs.
 */
const settings = z.object({
  // Whoever says where a channel goes says all of it (own-channels.ts).
  ...z
    .object({ ...mailVariables, ...smsVariables, ...telegramVariables, ...pushVariables })
    .partial().shape,
  // Read with the collections (infra/qdrant), before the host is ended.
  ...z.object(embeddingNames).partial().shape,
  DEFAULT_LOCALE: sending.DEFAULT_LOCALE,
  LEDGER: z.enum(["dynamodb", "redis", "none"], "must be dynamodb, redis or none").optional(),
  LOG_LEVEL: variables.LOG_LEVEL,
  PORT: port.optional(),
  PROOF_DAYS: proofVariables.PROOF_DAYS,
  RETRY_DELAYS: variables.RETRY_DELAYS,
  SHOP_RECIPIENTS: shopRecipients,
});

/** A host that was started with other ones is replaced. */
function settingsIn(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(settings.shape);
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

export function curlLine({ url, key }: { url: string; key: string }): string {
  const type = "interaction.viewed";
  const { sample: data } = contracts.find((one) => one.type === type)!;
  return (
    `curl -sS ${url}/events -H 'Authorization: Bearer ${key}' ` +
    `-H 'Content-Type: application/json' -d '${JSON.stringify({ type, data })}'`
  );
}
