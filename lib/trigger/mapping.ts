import * as z from "zod";
import { FilterError, filterOf } from "./filter.ts";

/** What of an event source mapping for Amazon MQ its poller must know; where the broker is stands elsewhere. */
export type Mapping = {
  queue: string;
  /** Messages in a batch at most. */
  batchSize: number;
  windowMs: number;
  /** Disabled, it takes nothing. */
  enabled: boolean;
  /** For filter.ts. */
  filterPatterns?: unknown[];
};

/** Lambda's, where the mapping says nothing: "Amazon MQ parameters" in its developer guide. */
const DEFAULT_BATCH = 100;
const DEFAULT_WINDOW_MS = 500;

/** A `rabbitmq` event of serverless.yml; what Lambda has no such setting for is an error that names the key. */
export const rabbitmqEvent = z.strictObject({
  arn: z.unknown().optional(),
  basicAuthArn: z.unknown().optional(),
  virtualHost: z.string().optional(),
  queue: z.string().min(1),
  batchSize: z.int().min(1).max(10_000).default(DEFAULT_BATCH),
  maximumBatchingWindow: z.int().min(0).max(300).optional(),
  enabled: z.boolean().default(true),
  filterPatterns: z.array(z.unknown()).optional().superRefine(checkFilter),
});

function checkFilter(patterns: unknown[] | undefined, context: z.RefinementCtx): void {
  try {
    if (patterns) filterOf(patterns);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
}

export function mappingOf(event: z.infer<typeof rabbitmqEvent>): Mapping {
  const { queue, batchSize, maximumBatchingWindow, enabled, filterPatterns } = event;
  return {
    queue,
    batchSize,
    // osls drops a zero, so that Lambda's default applies.
    windowMs: maximumBatchingWindow ? maximumBatchingWindow * 1_000 : DEFAULT_WINDOW_MS,
    enabled,
    ...(filterPatterns && { filterPatterns }),
  };
}
