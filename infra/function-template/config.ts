import * as z from "zod";
import { exposition, ledger, variables } from "../../lib/config.ts";

/** Every variable that this function reads. */
export const config = z
  .object({
    ...exposition,
    FUNCTION_TEMPLATE_WEBHOOK_URL: z
      .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
      .describe("Where function-template posts each event"),
    RABBITMQ_URL: variables.RABBITMQ_URL,
    RETRY_DELAYS: variables.RETRY_DELAYS,
    RETRY_LATER_FOR: variables.RETRY_LATER_FOR,
    LOG_LEVEL: variables.LOG_LEVEL,
  })
  .and(ledger);
