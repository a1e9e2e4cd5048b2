import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod";
import { DeclarationError, readDeclaration } from "../../lib/host/declaration.ts";
import type { QueueConsumer } from "../../lib/rabbit/topology.ts";
import { exists } from "../service/tools.ts";

/** The project's folder, which contains serverless.yml. */
export const ROOT = join(import.meta.dirname, "../..");

const consumerModule = z.looseObject({ accepts: z.array(z.string()).min(1) });

/**
 * The functions of serverless.yml with a `rabbitmq` trigger. The `consumer.ts` in the handler's folder
 * exports their event types as `accepts`. Throws DeclarationError, which names the file or function.
 */
export async function readConsumers(root: string = ROOT): Promise<QueueConsumer[]> {
  const read = (await readDeclaration(root)).map(async ({ name, file, trigger }) => {
    if (trigger.kind !== "queue") return [];
    const beside = join(dirname(file), "consumer.ts");
    if (!(await exists(beside))) {
      throw new DeclarationError(
        `serverless.yml: function ${name} needs the missing file ${beside}`,
      );
    }
    return [{ queue: trigger.queue, accepts: await acceptsOf(beside) }];
  });
  return (await Promise.all(read)).flat();
}

async function acceptsOf(file: string): Promise<string[]> {
  const { data, error } = consumerModule.safeParse(await import(pathToFileURL(file).href));
  if (data !== undefined) return data.accepts;
  throw new DeclarationError(`${file}: ${z.prettifyError(error)}`);
}
