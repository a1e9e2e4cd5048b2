import { QdrantClient } from "@qdrant/js-client-rest";

export type Server = { url: string; apiKey: string | undefined };

/** For a whole answer, ms. */
const ANSWER_MS = 20_000;

/** A client without the defaults that suit only scripts. */
export function connect({ url, apiKey }: Server, timeoutMs = ANSWER_MS): QdrantClient {
  const { origin, protocol, port, pathname } = new URL(url);
  return new QdrantClient({
    url: origin,
    // Otherwise the client ignores the path, and uses 6333 for a URL without a port.
    ...(pathname !== "/" && { prefix: pathname.replace(/\/$/, "") }),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    // With the key as an option, the client prints a warning for every http:// URL.
    ...(apiKey !== undefined && { headers: { "api-key": apiKey } }),
    timeout: timeoutMs,
    // Skips the version request, whose result nobody uses.
    checkCompatibility: false,
  });
}
