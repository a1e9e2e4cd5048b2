import { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** How many requests one call of the ledger has in flight; as many sockets are kept open. */
export const PARALLEL_REQUESTS = 16;

/**
 * A client on which no request can hang. Region, credentials and, unless given, the endpoint
 * (`AWS_ENDPOINT_URL_DYNAMODB`) are the SDK's own settings in the environment.
 */
export function dynamoClient({ endpoint }: { endpoint?: string | undefined } = {}): DynamoDBClient {
  const agent = { keepAlive: true, maxSockets: PARALLEL_REQUESTS };
  return new DynamoDBClient({
    ...(endpoint !== undefined && { endpoint }),
    // Two repeats bridge a dropped connection; a longer outage is for the caller to see.
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 3_000,
      // Without this the SDK only logs a warning and goes on waiting.
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
}
