import type * as z from "zod";
import type { exposition as variables } from "../config.ts";
import type { Logger } from "../log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { emfReader } from "./emf.ts";

export type Exposition = {
  metrics: Metrics;
  /** Wraps a handler: on Lambda its metrics are written when an invocation has ended, however it ended. */
  exposed: <Args extends unknown[], Result>(
    handler: (...args: Args) => Promise<Result>,
  ) => (...args: Args) => Promise<Result>;
};

/**
 * The metrics of a process, and how the world sees them. In a container the host asks for them; on
 * Lambda each invocation ends with what has changed, as lines of CloudWatch's embedded metric format
 * on stdout: between two invocations a process is frozen, and nobody could ask it.
 */
export function openExposition({
  config: { AWS_LAMBDA_FUNCTION_NAME, METRICS_NAMESPACE: namespace },
  log,
  now = Date.now,
  write = (line) => process.stdout.write(line),
}: {
  config: z.infer<z.ZodObject<typeof variables>>;
  log: Pick<Logger, "error">;
  /** Epoch ms. */
  now?: () => number;
  /** Not console.log: Lambda puts something before the lines of that, or quotes them. */
  write?: (line: string) => void;
}): Exposition {
  const onLambda = AWS_LAMBDA_FUNCTION_NAME !== undefined;
  const metrics = createMetrics({ keepSamples: onLambda });
  if (!onLambda) return { metrics, exposed: (handler) => handler };

  const read = emfReader(metrics);
  async function flush(): Promise<void> {
    try {
      const documents = await read({ namespace, timestamp: now() });
      for (const document of documents) write(`${JSON.stringify(document)}\n`);
    } catch (err) {
      // Messages were settled: that must not be undone for the sake of a number.
      log.error({ err }, "metrics could not be written");
    }
  }
  return {
    metrics,
    exposed:
      (handler) =>
      async (...args) => {
        try {
          return await handler(...args);
        } finally {
          await flush();
        }
      },
  };
}
