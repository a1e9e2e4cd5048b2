import { QdrantClient } from "@qdrant/js-client-rest";

export type Server = { url: string; apiKey: string | undefined };

/** For a whole answer, ms. */
const ANSWER_MS = 20_000;

/** A client without the habits that are for scripts. */
export function connect({ url, apiKey }: Server, timeoutMs = ANSWER_MS): QdrantClient {
  const { origin, protocol, port, pathname } = new URL(url);
  return new QdrantClient({
    url: origin,
    // It would ignore the path, and take 6333 for a URL without a port.
    ...(pathname !== "/" && { prefix: pathname.replace(/\/$/, "") }),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    // As an option the key would make it print a warning for every http:// URL.
    ...(apiKey !== undefined && { headers: { "api-key": apiKey } }),
    timeout: timeoutMs,
    // A request that nobody waits for.
    checkCompatibility: false,
  });
}
