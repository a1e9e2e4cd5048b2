import type { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import type * as z from "zod";
import type { exposition as expositionVariables } from "../../lib/config.ts";
import { logger } from "../../lib/log.ts";
import { openExposition } from "../../lib/runtime/exposition.ts";
import type { HttpTools } from "./http-app.ts";
import type { KeySource } from "./keys-config.ts";
import { openKeys } from "./open-keys.ts";

type HttpConfig = z.infer<z.ZodObject<typeof expositionVariables>> & {
  LOG_LEVEL: string;
  keys: KeySource;
};

/**
 * Opens log, metrics and keys. Returns the exports of an HTTP function's handler.ts: `app` for the host and
 * local tools, `handler` for an API Gateway.
 */
export async function httpFunction({
  name,
  config,
  open,
}: {
  name: string;
  config: HttpConfig;
  open: (tools: HttpTools & { log: ReturnType<typeof logger> }) => {
    app: Hono;
    close: () => Promise<void>;
  };
}) {
  const log = logger({ level: config.LOG_LEVEL, name });
  const { metrics, exposed } = openExposition({ config, log });
  const keys = await openKeys(config.keys, { now: Date.now, log });
  const { app, close } = open({ keys, metrics, log });
  return {
    app,
    metrics,
    handler: exposed(handle(app)),
    close: async (): Promise<void> => {
      await close();
      keys.close();
    },
  };
}
