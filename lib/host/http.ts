import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";

/** Anything that answers requests, such as a Hono app. */
export type App = { fetch: (request: Request) => Response | Promise<Response> };

/** How often connections are looked through for idle ones while the server closes. */
const SWEEP_MS = 50;

/**
 * Serves an app until `stop` aborts, then lets the requests that run end; `handBack` cuts them off.
 * Rejects when it cannot listen.
 */
export async function serveApp({
  app,
  port,
  bind,
  timeoutMs,
  onListening,
  stop,
  handBack,
}: {
  app: App;
  /** 0 takes a free one. */
  port: number;
  bind: string;
  /** For a request to arrive whole. */
  timeoutMs: number;
  onListening: (url: string) => void;
  stop: AbortSignal;
  handBack: AbortSignal;
}): Promise<void> {
  const server = createAdaptorServer({
    fetch: (request) => app.fetch(request),
    serverOptions: { requestTimeout: timeoutMs, headersTimeout: timeoutMs },
  }) as Server;
  server.listen(port, bind);
  await once(server, "listening");
  onListening(urlOf(server.address() as AddressInfo));

  if (!stop.aborted) await once(stop, "abort");
  const closed = once(server, "close");
  server.close();
  // A connection that is kept alive becomes idle only after its answer.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  handBack.addEventListener("abort", () => server.closeAllConnections());
  await closed;
  clearInterval(sweep);
}

/** An address at which this machine reaches it. */
export function urlOf({ address, port }: AddressInfo): string {
  if (address === "0.0.0.0" || address === "::") return `http://127.0.0.1:${port}`;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
