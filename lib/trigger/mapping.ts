import * as z from "zod";
import { FilterError, filterOf } from "./filter.ts";

/** The settings of an event source mapping for Amazon MQ that a poller needs, without the broker's address. */
export type Mapping = {
  queue: string;
  /** Maximum number of messages in a batch. */
  batchSize: number;
  windowMs: number;
  /** If false, the poller takes no messages. */
  enabled: boolean;
  /** filter.ts compiles them. */
  filterPatterns?: unknown[];
};

/** Lambda's defaults: "Amazon MQ parameters" in its developer guide. */
const DEFAULT_BATCH = 100;
const DEFAULT_WINDOW_MS = 500;

/** A `rabbitmq` event of serverless.yml. Settings that Lambda does not have are refused, by name. */
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
