import * as z from "zod";
import { exposition, ledger, variables } from "../../lib/config.ts";
import { embedding } from "../../kit/embedding/open-embedder.ts";
import { collectionVariables } from "../../kit/qdrant/config.ts";

export const config = z
  .object({
    ...exposition,
    ...collectionVariables,
    RABBITMQ_URL: variables.RABBITMQ_URL,
    RETRY_DELAYS: variables.RETRY_DELAYS,
    RETRY_LATER_FOR: variables.RETRY_LATER_FOR,
    LOG_LEVEL: variables.LOG_LEVEL,
  })
  .and(embedding)
  .and(ledger);
