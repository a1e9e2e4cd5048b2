import * as z from "zod";
import { exposition, variables } from "../../lib/config.ts";

export const config = z.object({
  ...exposition,
  RABBITMQ_URL: variables.RABBITMQ_URL,
  LOG_LEVEL: variables.LOG_LEVEL,
  /** A JSON file; keys.ts says what stands in it. */
  API_KEYS_FILE: z.string(),
});
