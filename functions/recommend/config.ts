import * as z from "zod";
import { graphVariables } from "../../kit/neo4j/config.ts";
import { exposition, variables } from "../../lib/config.ts";
import { embedding } from "../../kit/embedding/open-embedder.ts";
import { keys } from "../../kit/http/keys-config.ts";
import { collectionVariables } from "../../kit/qdrant/config.ts";

export const config = z
  .object({
    ...exposition,
    ...graphVariables,
    ...collectionVariables,
    LOG_LEVEL: variables.LOG_LEVEL,
  })
  .and(embedding)
  .and(keys);
