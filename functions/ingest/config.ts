import * as z from "zod";
import { exposition, variables } from "../../lib/config.ts";
import { keys } from "../../kit/http/keys-config.ts";

export const config = z
  .object({
    ...exposition,
    RABBITMQ_URL: variables.RABBITMQ_URL,
    LOG_LEVEL: variables.LOG_LEVEL,
  })
  .and(keys);
