import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { pauseSince } from "../async/frozen.ts";

/** How many requests one call of the ledger has in flight; as many sockets are kept open. */
export const PARALLEL_REQUESTS = 16;

/** After this long without a request nobody may be at the other end of its connections any more. */
const IDLE_MS = 10_000;

/**
 * A client on which no request can hang. Region, credentials and, unless given, the endpoint
 * (`AWS_ENDPOINT_URL_DYNAMODB`) are the SDK's own settings in the environment.
 */
export function dynamoClient({
  endpoint,
  now = Date.now,
}: { endpoint?: string | undefined; now?: () => number } = {}): DynamoDBClient {
  const options = { keepAlive: true, maxSockets: PARALLEL_REQUESTS };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);
  const client = new DynamoDBClient({
    ...(endpoint !== undefined && { endpoint }),
    // Two repeats bridge a dropped connection; a longer outage is for the caller to see.
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 3_000,
      // Without this the SDK only logs a warning and goes on waiting.
      throwOnRequestTimeout: true,
      httpAgent,
      httpsAgent,
    },
  });
  const dropIdle = idleDropper([httpAgent, httpsAgent], now);
  client.middlewareStack.add(
    (next) => (args) => {
      dropIdle();
      return next(args);
    },
    { step: "initialize", name: "dropIdleConnections" },
  );
  return client;
}

/** A request on a connection that ended unnoticed (frozen.ts) would wait for its whole time-out. */
function idleDropper(agents: readonly HttpAgent[], now: () => number): () => void {
  const pause = pauseSince(now);
  return () => {
    if (pause() < IDLE_MS) return;
    const free = agents.flatMap(({ freeSockets }) => Object.values(freeSockets));
    for (const socket of free.flatMap((sockets) => sockets ?? [])) socket.destroy();
  };
}
