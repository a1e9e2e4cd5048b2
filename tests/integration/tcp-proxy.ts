import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A wire between a client and a server that a test can cut, silence, or write into. */
export type TcpProxy = {
  port: number;
  /** Drops every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections open and passes on nothing that the server says. */
  silence(): void;
  /** Writes to every client as if the server had. */
  inject(bytes: Uint8Array): void;
  /** Undoes `cut` and `silence`. */
  restore(): void;
  close(): Promise<void>;
};

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Map<Socket, Socket>();
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
      server.close();
      await once(server, "close");
    },
  };
}
