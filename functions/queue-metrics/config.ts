import * as z from "zod";
import { exposition, variables } from "../../lib/config.ts";

export const config = z.object({
  ...exposition,
  // Its user must have the tag `monitoring`.
  RABBITMQ_URL: variables.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: z
    .url({ protocol: /^https?$/, error: "must be a URL" })
    .optional()
    .describe("Management API. Without it: the usual port on the broker's host"),
  LOG_LEVEL: variables.LOG_LEVEL,
});
