import { join } from "node:path";
import { type Command, Option } from "commander";
import * as z from "zod";
import { ConfigError, port, readConfig, variables } from "../../lib/config.ts";
import { duration } from "../../lib/duration.ts";
import { serveAdmin } from "../../lib/host/admin.ts";
import { DeclarationError, readDeclaration } from "../../lib/host/declaration.ts";
import { keepSmall } from "../../lib/host/log-file.ts";
import { EXIT } from "../../lib/host/messages.ts";
import { SelectionError, specsOf } from "../../lib/host/selection.ts";
import { supervise } from "../../lib/host/supervisor.ts";
import { logger } from "../../lib/log.ts";
import { exit, UsageError } from "../cli/errors.ts";
import { as, notes } from "../cli/help.ts";
import { known } from "../cli/nearest.ts";

const ROOT = join(import.meta.dirname, "../..");

function count(max: number) {
  const error = `must be 1 to ${max}`;
  return z.coerce.number(error).int(error).min(1, error).max(max, error);
}

type Flags = {
  queue?: string;
  workers: number;
  prefetch?: number;
  adminPort?: number;
  adminBind?: string;
  bind: string;
  /** ms */
  grace: number;
  root?: string;
  logFile?: string;
};

/** `warren host`: until SIGTERM or SIGINT. */
export function define(command: Command): void {
  command
    .description("Run functions of serverless.yml on their triggers, until SIGTERM.")
    .argument("[function...]", "functions of serverless.yml (default: all)")
    .option("--queue <name>", "run the function of this queue: neo4j, or events.neo4j")
    .addOption(
      new Option("--workers <number>", "processes for each function with a queue")
        .default(1)
        .argParser(as(count(1_000))),
    )
    .addOption(
      new Option(
        "--prefetch <number>",
        "messages in a batch at most (default: batchSize of the function)",
      ).argParser(as(count(10_000))),
    )
    .addOption(
      new Option(
        "--admin-port <port>",
        "serve /status, /health/live, /health/ready and /metrics here, without login; 0 is any free port",
      ).argParser(as(port)),
    )
    .option("--admin-bind <address>", "address of --admin-port (default: 127.0.0.1)")
    .option("--bind <address>", "address of HTTP functions, on PORT", "0.0.0.0")
    .addOption(
      // Kubernetes kills after 30 s, Docker after 10: docs/containers.md.
      new Option(
        "--grace <time>",
        "from SIGTERM until the host kills its workers; they stop work 15 s before, or after a third, and hand messages back",
      )
        .default(25_000, "25s")
        .argParser(as(duration)),
    )
    .option(
      "--log-file <file>",
      "the file that the caller appends output to: kept to 5 files of 10 MB",
    )
    .option("--root <directory>", "folder of serverless.yml (default: this project)")
    .addHelpText(
      "after",
      notes("warren host neo4j-projector --workers 3 --admin-port 8081", {
        LOG_LEVEL: "trace, debug, info, warn, error or fatal (default: info)",
        PORT: "port of the first HTTP function; the next ones follow",
        "…": "the variables of each function: docs/settings.md",
      }),
    )
    .addHelpText("after", "\nExit code 78: a variable or serverless.yml is wrong.")
    .action(async (names: string[], flags: Flags) => exit(await hostOr78(names, flags)));
}

async function hostOr78(names: string[], flags: Flags): Promise<number> {
  try {
    return await host(names, flags);
  } catch (error) {
    if (error instanceof SelectionError) {
      throw new UsageError(`${error.message}: ${known(error.given, error.names)}`, {
        cause: error,
      });
    }
    if (!(error instanceof DeclarationError || error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT.config;
  }
}

/** Returns 0 when everything ended well in time. */
async function host(names: string[], flags: Flags): Promise<number> {
  const { adminPort, adminBind = "127.0.0.1", grace: graceMs } = flags;
  if (flags.adminBind !== undefined && adminPort === undefined) {
    throw new UsageError("--admin-bind: needs --admin-port");
  }
  const { LOG_LEVEL } = readConfig(z.object({ LOG_LEVEL: variables.LOG_LEVEL }), process.env);
  const log = logger({ level: LOG_LEVEL, name: "host" });
  const specs = specsOf(await readDeclaration(flags.root ?? ROOT), {
    ...flags,
    names,
    queue: flags.queue,
    prefetch: flags.prefetch,
    graceMs,
  });

  if (flags.logFile !== undefined) keepSmall(flags.logFile, log);
  const supervisor = supervise({ specs, graceMs, log, random: Math.random });
  process.on("SIGTERM", supervisor.stop);
  process.on("SIGINT", supervisor.stop);
  try {
    const admin =
      adminPort === undefined
        ? undefined
        : await serveAdmin({ supervisor, port: adminPort, bind: adminBind });
    if (admin) log.info({ url: admin.url }, "admin");
    const code = await supervisor.ended;
    await admin?.close();
    return code;
  } finally {
    supervisor.stop();
    await supervisor.ended;
  }
}
