import * as z from "zod";
import { duration } from "./duration.ts";
import { aliased, type Env } from "./config-aliases.ts";

/** The environment is wrong. The message names every wrong variable and prints no value. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Reads a function's settings once, at start. Empty variables count as absent (compose files make
 * them), the source systems' names are understood (config-aliases.ts). Throws ConfigError.
 */
export function readConfig<T extends z.ZodType>(schema: T, env: Env): z.infer<T> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const { env: resolved, problems } = aliased(given);
  const result = schema.safeParse(resolved);

  if (!result.success) {
    for (const { path, message } of result.error.issues) {
      const name = String(path[0]);
      problems.push(`${name}: ${resolved[name] === undefined ? "is required" : message}`);
    }
  }
  if (!result.success || problems.length > 0) {
    throw new ConfigError(`Bad configuration:\n  ${problems.join("\n  ")}`);
  }
  return result.data;
}

const delays = z
  .string()
  .transform((list) => list.split(",").map((item) => item.trim()))
  .pipe(z.array(duration).min(1).max(10))
  .refine((list) => list.every((ms, i) => i === 0 || ms > (list[i - 1] ?? 0)), {
    error: "must ascend: each delay becomes a retry queue of its own",
  });

/** Where an HTTP function listens; 0 is any free port. */
export const port = z.coerce.number("must be a port").int("must be a port").min(0).max(65_535);

/** `redis://user:password@host:port/database`, or `rediss:` for TLS. */
export const redisUrl = z.url({
  protocol: /^rediss?$/,
  error: "must be a redis:// or rediss:// URL",
});

/** The variables that several functions share; each function's config.ts spreads what it reads. */
export const variables = {
  RABBITMQ_URL: z
    .url({ protocol: /^amqps?$/, error: "must be an amqp:// or amqps:// URL" })
    .describe("`amqp://user:password@host:port/vhost`, or `amqps:` for TLS"),
  RETRY_DELAYS: delays
    .prefault("5s,30s,5m")
    .describe("Ascending delays before each retry; their number is the number of retries"),
  RETRY_LATER_FOR: duration
    .prefault("24h")
    .describe("How long a message waits for a sink that says when to retry; no retry is spent"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal"])
    .default("info")
    .describe("`trace`, `debug`, `info`, `warn`, `error` or `fatal`"),
};

/**
 * How a function's metrics are exposed (lib/runtime/exposition.ts). Lambda itself sets its function's
 * name; the namespace is CloudWatch's, one for each stage.
 */
export const exposition = {
  AWS_LAMBDA_FUNCTION_NAME: z
    .string()
    .optional()
    .describe("Set by Lambda: metrics are then written for CloudWatch"),
  METRICS_NAMESPACE: z
    .string()
    .regex(/^(?!AWS\/)[\w./#:-]{1,255}$/, "must be a CloudWatch namespace, such as Warren/prod")
    .default("Warren")
    .describe("CloudWatch namespace of the metrics, one for each stage"),
};

/**
 * Which ledger a consumer uses, joined to its config: `z.object({ … }).and(ledger)`. The result is
 * `{ LEDGER: "dynamodb", LEDGER_TABLE }` (the default), `{ LEDGER: "redis", REDIS_URL }` (what belongs to the
 * chosen one is required) or `{ LEDGER: "none" }`.
 */
export const ledger = z.preprocess(
  (env) => ({ LEDGER: "dynamodb", ...(env as object) }),
  z
    .discriminatedUnion(
      "LEDGER",
      [
        z.object({
          LEDGER: z.literal("dynamodb"),
          LEDGER_TABLE: z.string().describe("DynamoDB table of the ledger"),
        }),
        z.object({
          LEDGER: z.literal("redis"),
          REDIS_URL: redisUrl.describe(
            "`redis://user:password@host:port/database`, or `rediss:` for TLS",
          ),
        }),
        z.object({ LEDGER: z.literal("none") }),
      ],
      { error: "must be dynamodb, redis or none" },
    )
    .describe("Where consumers remember what was done: `dynamodb`, `redis` or `none`"),
);
