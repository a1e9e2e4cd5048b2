import * as z from "zod";
import { exposition, variables } from "../../lib/config.ts";

export const config = z.object({
  ...exposition,
  /** Names the vhost; its user must have the tag `monitoring`. */
  RABBITMQ_URL: variables.RABBITMQ_URL,
  /** Else where Amazon MQ, or RabbitMQ's default, has it on the broker's host. */
  RABBITMQ_MANAGEMENT_URL: z.url({ protocol: /^https?$/, error: "must be a URL" }).optional(),
  LOG_LEVEL: variables.LOG_LEVEL,
});
