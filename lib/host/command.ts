import { join } from "node:path";
import { parseArgs } from "node:util";
import * as z from "zod";
import { ConfigError, duration, readConfig, variables } from "../config.ts";
import { logger } from "../log.ts";
import { serveAdmin } from "./admin.ts";
import { DeclarationError, readDeclaration } from "./declaration.ts";
import { keepSmall } from "./log-file.ts";
import { EXIT } from "./messages.ts";
import { SelectionError, specsOf } from "./selection.ts";
import { supervise } from "./supervisor.ts";

const USAGE = `Usage: warren host [function …]

Runs functions of serverless.yml on their triggers: all, or those that are named.

  --queue NAME       the function of this queue (neo4j, or events.neo4j)
  --workers N        processes for each function with a queue (1)
  --prefetch N       messages in a batch at most (the function's batchSize)
  --admin-port N     /status, /health/live, /health/ready and /metrics (0: a free port)
  --admin-bind ADDR  where these are served (127.0.0.1); they ask nobody for a login
  --bind ADDRESS     where HTTP functions listen, on PORT (0.0.0.0)
  --grace TIME       from SIGTERM until what still runs is killed (25s): what runs may finish, and the
                     last 15 s, or two thirds, are for handing messages back
  --log-file FILE    the file that its output is appended to: kept to 5 files of 10 MB (FILE, FILE.1 …)
  --root DIRECTORY   where serverless.yml lies (this project)
`;

const USAGE_ERROR = 2;
const ROOT = join(import.meta.dirname, "../..");

const count = (max: number) => z.coerce.number(`must be 1 to ${max}`).int().min(1).max(max);

const flags = z
  .object({
    help: z.boolean().default(false),
    queue: z.string().optional(),
    workers: count(1_000).default(1),
    prefetch: count(10_000).optional(),
    "admin-port": z.coerce.number("must be a port").int().min(0).max(65_535).optional(),
    "admin-bind": z.string().optional(),
    bind: z.string().default("0.0.0.0"),
    // Kubernetes kills after 30 s, Docker after 10: docs/containers.md.
    grace: duration.prefault("25s"),
    root: z.string().default(ROOT),
    "log-file": z.string().optional(),
  })
  .refine((given) => given["admin-bind"] === undefined || given["admin-port"] !== undefined, {
    path: ["admin-bind"],
    error: "needs --admin-port",
  });

/** Runs until SIGTERM or SIGINT. Returns 0 when everything ended well in time. */
export async function command(args: string[]): Promise<number> {
  try {
    return await host(args);
  } catch (error) {
    if (error instanceof DeclarationError || error instanceof ConfigError) {
      console.error(error.message);
      return EXIT.config;
    }
    if (error instanceof SelectionError || error instanceof UsageError) {
      console.error(error.message);
      return USAGE_ERROR;
    }
    throw error;
  }
}

async function host(args: string[]): Promise<number> {
  const { names, values } = parse(args);
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const { LOG_LEVEL } = readConfig(z.object({ LOG_LEVEL: variables.LOG_LEVEL }), process.env);
  const log = logger({ level: LOG_LEVEL, name: "host" });
  const specs = specsOf(await readDeclaration(values.root), {
    ...values,
    names,
    queue: values.queue,
    prefetch: values.prefetch,
    graceMs: values.grace,
  });

  if (values["log-file"] !== undefined) keepSmall(values["log-file"], log);
  const supervisor = supervise({ specs, graceMs: values.grace, log, random: Math.random });
  process.on("SIGTERM", supervisor.stop);
  process.on("SIGINT", supervisor.stop);
  try {
    const { "admin-port": port, "admin-bind": adminBind = "127.0.0.1" } = values;
    const admin =
      port === undefined ? undefined : await serveAdmin({ supervisor, port, bind: adminBind });
    if (admin) log.info({ url: admin.url }, "admin");
    const code = await supervisor.ended;
    await admin?.close();
    return code;
  } finally {
    supervisor.stop();
    await supervisor.ended;
  }
}

class UsageError extends Error {
  override name = "UsageError";
}

function parse(args: string[]): { names: string[]; values: z.infer<typeof flags> } {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        queue: { type: "string" },
        workers: { type: "string" },
        prefetch: { type: "string" },
        "admin-port": { type: "string" },
        "admin-bind": { type: "string" },
        bind: { type: "string" },
        grace: { type: "string" },
        root: { type: "string" },
        "log-file": { type: "string" },
      },
    });
    const { data, error } = flags.safeParse(values);
    if (data) return { names: positionals, values: data };
    const lines = error.issues.map(({ path, message }) => `--${path.join(".")}: ${message}`);
    throw new UsageError(`${lines.join("\n")}\n\n${USAGE}`);
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof TypeError)) throw error;
    throw new UsageError(`${error.message}\n\n${USAGE}`);
  }
}
