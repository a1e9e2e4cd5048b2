import * as z from "zod";
import { exposition, graphVariables, variables } from "../../lib/config.ts";
import { embedding } from "../../lib/embedding/open-embedder.ts";
import { keys } from "../../lib/http-keys/config.ts";
import { collectionVariables } from "../../lib/qdrant/config.ts";

export const config = z
  .object({
    ...exposition,
    ...graphVariables,
    ...collectionVariables,
    LOG_LEVEL: variables.LOG_LEVEL,
  })
  .and(embedding)
  .and(keys);
