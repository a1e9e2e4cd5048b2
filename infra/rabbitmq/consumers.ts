import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import * as z from "zod";
import { ConfigError } from "../../lib/config.ts";
import type { QueueConsumer } from "../../lib/rabbit/topology.ts";
import { exists } from "../service/tools.ts";

/** The project's folder, which contains serverless.yml. */
export const ROOT = join(import.meta.dirname, "../..");

const serverless = z.looseObject({
  functions: z.record(
    z.string(),
    z.looseObject({ handler: z.string(), events: z.array(z.unknown()).default([]) }),
  ),
});

const trigger = z.object({
  rabbitmq: z.looseObject({
    queue: z.string().regex(/^[A-Za-z0-9._-]+$/, "must be a literal queue name"),
  }),
});

const consumerModule = z.looseObject({ accepts: z.array(z.string()).min(1) });

/**
 * The functions of serverless.yml with a `rabbitmq` trigger. The `consumer.ts` in the handler's folder
 * exports their event types as `accepts`. Throws ConfigError, which names the file and function.
 */
export async function readConsumers(root: string = ROOT): Promise<QueueConsumer[]> {
  const file = join(root, "serverless.yml");
  const { functions } = checked(serverless, parse(await readFile(file, "utf8")), file);
  const consumers: QueueConsumer[] = [];

  for (const [name, { handler, events }] of Object.entries(functions)) {
    for (const event of events.filter(isTrigger)) {
      const { rabbitmq } = checked(trigger, event, `${file}, function ${name}`);
      const beside = join(root, dirname(handler), "consumer.ts");
      if (!(await exists(beside))) {
        throw new ConfigError(`${file}: function ${name} needs the missing file ${beside}`);
      }
      const accepts = await acceptsOf(beside);
      consumers.push({ queue: rabbitmq.queue, accepts });
    }
  }
  return consumers;
}

function isTrigger(event: unknown): boolean {
  return typeof event === "object" && event !== null && "rabbitmq" in event;
}

async function acceptsOf(file: string): Promise<string[]> {
  const exported: unknown = await import(pathToFileURL(file).href);
  return checked(consumerModule, exported, file).accepts;
}

function checked<T extends z.ZodType>(schema: T, value: unknown, where: string): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(`${where}: ${z.prettifyError(result.error)}`);
}
