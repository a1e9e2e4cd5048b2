import * as z from "zod";
import { constraint } from "../../../kit/neo4j/constraints.ts";
import { collections } from "../../../kit/qdrant/collections.ts";
import { variables } from "../../../lib/config.ts";

/** The fields that CloudFormation sends to every custom resource, and that the answer repeats. */
export const request = z.object({
  RequestType: z.enum(["Create", "Update", "Delete"]),
  /** Presigned: anyone with this URL may answer. */
  ResponseURL: z.url({ protocol: /^https?$/ }),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  ResourceProperties: z.unknown(),
});

export type Request = z.infer<typeof request>;

/** Properties of the custom resource (setup.yml, template.ts). CloudFormation turns numbers into strings. */
export const properties = z.object({
  Consumers: z.array(z.object({ queue: z.string(), accepts: z.array(z.string()) })),
  RetryDelays: variables.RETRY_DELAYS,
  Constraints: z.array(constraint),
  Collections: collections,
});
