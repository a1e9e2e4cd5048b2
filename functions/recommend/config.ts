import * as z from "zod";
import { exposition, graphVariables, variables } from "../../lib/config.ts";
import { embedding } from "../../lib/embedding/open-embedder.ts";
import { keys } from "../../lib/http-keys/config.ts";
import { vectorVariables } from "../../lib/qdrant/config.ts";

export const config = z
  .object({
    ...exposition,
    ...graphVariables,
    ...vectorVariables,
    LOG_LEVEL: variables.LOG_LEVEL,
  })
  .and(embedding)
  .and(keys);
