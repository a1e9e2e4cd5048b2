import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A wire between a client and a server that a test can cut, silence, or write into. */
export type TcpProxy = {
  port: number;
  /** Drops every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections open and passes on nothing that the server says. */
  silence(): void;
  /**
   * Leaves those who are connected now without the other side, for good, and tells neither: as when a
   * NAT gateway has forgotten them. New connections work.
   */
  strand(): void;
  /** How many clients are connected, stranded ones aside. */
  connections(): number;
  /** Writes to every client as if the server had. */
  inject(bytes: Uint8Array): void;
  /** Undoes `cut` and `silence`. */
  restore(): void;
  close(): Promise<void>;
};

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Map<Socket, Socket>();
  const stranded = new Set<Socket>();
  let down = false;
  let silent = false;

  const server = createServer((client) => {
    if (down) return client.destroy();
    const upstream = connect(target);
    pairs.set(client, upstream);
    client.pipe(upstream);
    upstream.on("data", (chunk) => void client.write(chunk));
    if (silent) upstream.pause();
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
        pairs.delete(client);
      });
    }
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const destroyAll = () => {
    for (const client of pairs.keys()) client.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      down = true;
      destroyAll();
    },
    silence() {
      silent = true;
      for (const upstream of pairs.values()) upstream.pause();
    },
    connections: () => pairs.size,
    strand() {
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream);
        for (const socket of [client, upstream]) {
          socket.removeAllListeners("data").removeAllListeners("close").removeAllListeners("end");
          socket.resume();
          stranded.add(socket);
        }
      }
      pairs.clear();
    },
    inject(bytes) {
      for (const client of pairs.keys()) client.write(bytes);
    },
    restore() {
      down = false;
      silent = false;
      for (const upstream of pairs.values()) upstream.resume();
    },
    async close() {
      destroyAll();
      for (const socket of stranded) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
