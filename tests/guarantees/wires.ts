import { environment } from "../integration/lane.ts";
import { type TcpProxy, tcpProxy } from "../integration/tcp-proxy.ts";

/** Default ports of URLs. */
const PORTS: Readonly<Record<string, string>> = { "amqp:": "5672", "redis:": "6379" };

/** Opens a wire to the server of a URL. */
export function proxyTo(url: string): Promise<TcpProxy> {
  const { protocol, hostname, port } = new URL(url);
  return tcpProxy({ host: hostname, port: Number(port || PORTS[protocol]) });
}

/** The same URL through a wire. */
export function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.hostname = "127.0.0.1";
  changed.port = String(port);
  return changed.href;
}

/** Whether bytes on the wire are lib/ledger's write of `done` rows. */
export function isRecord(request: string, tenant: string): boolean {
  if (!request.includes(tenant)) return false;
  return environment["LEDGER"] === "redis"
    ? /\beval\b/i.test(request) && !request.includes('"state":')
    : request.includes(environment["LEDGER_TABLE"]!) && request.includes('state\\":\\"done');
}
