import type { InvocationContext } from "./context.ts";
import type { Exposition } from "./exposition.ts";

type ScheduledHandler = (event: unknown, context: InvocationContext) => Promise<void>;

/** The handler of a function on a schedule: counts its runs and exposes its metrics. */
export function scheduledHandler({
  name,
  exposition: { metrics, exposed },
  run,
}: {
  name: string;
  exposition: Exposition;
  /** Rejects when the run has failed. The next run starts at its time anyway. */
  run: (context: InvocationContext) => Promise<void>;
}): ScheduledHandler {
  metrics.schedule({ name });
  return exposed(async (_event, context) => {
    const startedAt = performance.now();
    const ended = (result: "ended" | "failed") =>
      metrics.scheduled({ name, result, seconds: (performance.now() - startedAt) / 1_000 });
    try {
      await run(context);
      ended("ended");
    } catch (error) {
      ended("failed");
      throw error;
    }
  });
}
