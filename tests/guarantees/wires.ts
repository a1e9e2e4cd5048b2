import { environment } from "../integration/lane.ts";
import { type TcpProxy, tcpProxy } from "../integration/tcp-proxy.ts";

/** Ports that URLs leave out. */
const PORTS: Readonly<Record<string, string>> = { "amqp:": "5672", "redis:": "6379" };

/** A wire to the server that a URL names. */
export function proxyTo(url: string): Promise<TcpProxy> {
  const { protocol, hostname, port } = new URL(url);
  return tcpProxy({ host: hostname, port: Number(port || PORTS[protocol]) });
}

/** The same URL, by way of a wire. */
export function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.hostname = "127.0.0.1";
  changed.port = String(port);
  return changed.href;
}

/** A write of `done` rows, as lib/ledger puts it on the wire. */
export function isRecord(request: string, tenant: string): boolean {
  if (!request.includes(tenant)) return false;
  return environment["LEDGER"] === "redis"
    ? /\beval\b/i.test(request) && !request.includes('"state":')
    : request.includes(environment["LEDGER_TABLE"]!) && request.includes('state\\":\\"done');
}
