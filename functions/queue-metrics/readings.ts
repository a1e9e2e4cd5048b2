import * as z from "zod";
import { management } from "../../lib/rabbit/management.ts";

/** What one queue says of itself. */
export type QueueReading = {
  queue: string;
  ready: number;
  unacked: number;
  consumers: number;
  /** Of the bodies that are ready; the bound counts the same. */
  bytes: number;
  /** How much of its bound is full, 0 to 1; absent if it has none. */
  fill: number | undefined;
  /** Messages per second, over the last samples of the management API (5 s apart unless configured). */
  published: number;
  delivered: number;
};

const ANSWER_MS = 10_000;
/** Ten times what that many queues need. */
const MAX_BYTES = 8 * 1_024 ** 2;
/** The management API's largest page. A vhost with more queues than that is not Warren's alone. */
export const MAX_QUEUES = 500;

const COLUMNS = [
  "name",
  "exclusive",
  "messages_ready",
  "messages_unacknowledged",
  "consumers",
  "message_bytes_ready",
  "arguments",
  "effective_policy_definition",
  "message_stats.publish_details.rate",
  "message_stats.deliver_get_details.rate",
];

/** A queue that is starting, or whose node is down, leaves most of it out. */
const count = z.number().min(0).catch(0);
const rate = z.object({ rate: count }).catch({ rate: 0 });
const bounds = z
  .object({
    "max-length": z.number().positive().optional(),
    "max-length-bytes": z.number().positive().optional(),
  })
  .catch({});
const queue = z.object({
  name: z.string(),
  exclusive: z.boolean().catch(false),
  messages_ready: count,
  messages_unacknowledged: count,
  consumers: count,
  message_bytes_ready: count,
  arguments: z
    .object({
      "x-max-length": z.number().positive().optional(),
      "x-max-length-bytes": z.number().positive().optional(),
    })
    .catch({}),
  // `[]` where no policy applies.
  effective_policy_definition: bounds,
  message_stats: z
    .object({ publish_details: rate, deliver_get_details: rate })
    .catch({ publish_details: { rate: 0 }, deliver_get_details: { rate: 0 } }),
});
const page = z.object({ items: z.array(queue), total_count: z.number() });

/**
 * Reads all queues of the vhost in one request: at most MAX_QUEUES of `total`, in the order of their
 * names; exclusive ones, which belong to a connection and end with it, are left out. Throws
 * ManagementError, also after 10 s.
 */
export async function readQueues(broker: {
  url: string;
  managementUrl: string;
}): Promise<{ queues: QueueReading[]; total: number }> {
  const { get, vhost } = management({ ...broker, timeoutMs: ANSWER_MS, maxBytes: MAX_BYTES });
  const query = new URLSearchParams({
    page: "1",
    page_size: String(MAX_QUEUES),
    sort: "name",
    columns: COLUMNS.join(","),
  });
  const { items, total_count: total } = await get(`queues/${vhost}?${query.toString()}`, page);
  return { queues: items.filter(({ exclusive }) => !exclusive).map(readingOf), total };
}

function readingOf(item: z.infer<typeof queue>): QueueReading {
  const { messages_ready: ready, message_bytes_ready: bytes, message_stats: stats } = item;
  return {
    queue: item.name,
    ready,
    unacked: item.messages_unacknowledged,
    consumers: item.consumers,
    bytes,
    fill: fillOf(item),
    published: stats.publish_details.rate,
    delivered: stats.deliver_get_details.rate,
  };
}

/** Where both an argument and a policy bound a queue, the smaller bound holds. */
function fillOf(item: z.infer<typeof queue>): number | undefined {
  const { arguments: args, effective_policy_definition: policy } = item;
  const shares = [
    [item.message_bytes_ready, args["x-max-length-bytes"]],
    [item.message_bytes_ready, policy["max-length-bytes"]],
    [item.messages_ready, args["x-max-length"]],
    [item.messages_ready, policy["max-length"]],
  ].flatMap(([held, bound]) => (bound === undefined ? [] : [held! / bound]));
  return shares.length === 0 ? undefined : Math.max(...shares);
}
