import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A wire between a client and a server that a test can cut, silence, slow down, or write into. */
export type TcpProxy = {
  port: number;
  /** Drops every connection and each new one as soon as it is made. */
  cut(): void;
  /** Drops every connection; nobody listens any more. */
  vanish(): void;
  /** Keeps connections open and passes on nothing that the server says. */
  silence(): void;
  /**
   * Keeps back what a client says once its request fits, and all that it says after it: to the server
   * it was never said. Works on protocols in which client and server take turns.
   */
  hold(fits: Fits): void;
  /** How many clients wait with a request that is kept back. */
  held(): number;
  /** Drops each connection on which a request fits, before the server has it. */
  refuse(fits: Fits): void;
  /** Passes on changed, until the wire is closed, what a client says in one piece and fits. */
  alter(fits: Fits, change: (bytes: Buffer) => Buffer): void;
  /** Passes on what clients say `ms` later. */
  delay(ms: number): void;
  /**
   * Leaves those who are connected now without the other side, for good, and tells neither: as when a
   * NAT gateway has forgotten them. New connections work.
   */
  strand(): void;
  /** How many clients are connected, stranded ones aside. */
  connections(): number;
  /** Writes to every client as if the server had. */
  inject(bytes: Uint8Array): void;
  /** Undoes all but `strand`; what was kept back of clients that still are there is passed on. */
  restore(): void;
  close(): Promise<void>;
};

/** Whether these bytes (as Latin-1), which the server has not answered yet, are the ones meant. */
type Fits = (request: string) => boolean;

type Wire = { client: Socket; upstream: Socket; request: string; kept: Buffer[] | undefined };

/** Of a request as much as is looked at. */
const LOOKED_AT = 1_000_000;

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const wires = new Set<Wire>();
  const stranded = new Set<Socket>();
  let down = false;
  let silent = false;
  let delayMs = 0;
  let rule: { fits: Fits; act: "hold" | "refuse" } | undefined;
  let altering: { fits: Fits; change: (bytes: Buffer) => Buffer } | undefined;

  const server = createServer((client) => {
    if (down) return client.destroy();
    const wire: Wire = { client, upstream: connect(target), request: "", kept: undefined };
    const { upstream } = wire;
    wires.add(wire);
    client.on("data", (chunk: Buffer) => hear(wire, chunk));
    client.on("end", () => wire.kept ?? upstream.end());
    upstream.on("data", (chunk) => {
      wire.request = "";
      client.write(chunk);
    });
    if (silent) upstream.pause();
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
        wires.delete(wire);
      });
    }
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const listen = () => {
    if (!server.listening) server.listen(port, "127.0.0.1");
  };
  // Somebody has the port for a moment, as the source of a connection.
  server.on("error", () => setTimeout(listen, 100).unref());

  function hear(wire: Wire, chunk: Buffer): void {
    if (rule !== undefined && wire.kept === undefined) {
      wire.request = (wire.request + chunk.toString("latin1")).slice(-LOOKED_AT);
      if (rule.fits(wire.request)) {
        if (rule.act === "refuse") return void wire.client.destroy();
        wire.kept = [];
      }
    }
    const bytes = altering?.fits(chunk.toString("latin1")) ? altering.change(chunk) : chunk;
    if (wire.kept !== undefined) wire.kept.push(bytes);
    else if (delayMs > 0) setTimeout(() => wire.upstream.write(bytes), delayMs);
    else wire.upstream.write(bytes);
  }

  const destroyAll = () => {
    for (const { client } of wires) client.destroy();
  };
  return {
    port,
    cut() {
      down = true;
      destroyAll();
    },
    vanish() {
      server.close();
      destroyAll();
    },
    silence() {
      silent = true;
      for (const { upstream } of wires) upstream.pause();
    },
    hold: (fits) => (rule = { fits, act: "hold" }),
    held: () => [...wires].filter(({ kept }) => kept !== undefined).length,
    refuse: (fits) => (rule = { fits, act: "refuse" }),
    alter: (fits, change) => (altering = { fits, change }),
    delay: (ms) => (delayMs = ms),
    connections: () => wires.size,
    strand() {
      for (const { client, upstream } of wires) {
        for (const socket of [client, upstream]) {
          socket.removeAllListeners("data").removeAllListeners("close").removeAllListeners("end");
          socket.resume();
          stranded.add(socket);
        }
      }
      wires.clear();
    },
    inject(bytes) {
      for (const { client } of wires) client.write(bytes);
    },
    restore() {
      down = false;
      silent = false;
      delayMs = 0;
      rule = undefined;
      listen();
      for (const wire of wires) {
        for (const chunk of wire.kept ?? []) wire.upstream.write(chunk);
        wire.kept = undefined;
        wire.upstream.resume();
      }
    },
    async close() {
      destroyAll();
      for (const socket of stranded) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}
