import type * as z from "zod";
import type { exposition as variables } from "../config.ts";
import type { Logger } from "../log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { emfReader } from "./emf.ts";

export type Exposition = {
  metrics: Metrics;
  /** Wraps a handler. On Lambda, metrics are written after each invocation, also after a failed one. */
  exposed: <Args extends unknown[], Result>(
    handler: (...args: Args) => Promise<Result>,
  ) => (...args: Args) => Promise<Result>;
};

/**
 * The metrics of a process, and how they are published. In a container the host collects them. On Lambda
 * nobody can collect them, because a process is frozen between two invocations. So each invocation ends
 * with the changes, as lines of CloudWatch's embedded metric format on stdout.
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
  /** Not console.log: Lambda adds a prefix to its lines, or quotes them. */
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
      // The messages are settled: a lost metric must not redeliver them.
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
