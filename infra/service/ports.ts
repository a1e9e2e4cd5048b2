import { createServer, type AddressInfo, connect, type Server } from "node:net";

/** The requested number of free loopback ports, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const listening = Array.from({ length: count }, () => {
    return new Promise<Server>((resolve, reject) => {
      const server = createServer();
      server.once("error", reject).listen(0, "127.0.0.1", () => resolve(server));
    });
  });
  const servers = await Promise.all(listening);
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * A free port for every name. Keeps the former port unless another process took it, so that addresses
 * survive a restart. Call this while the service does not run.
 */
export async function portsFor<Name extends string>(
  names: readonly Name[],
  last: Partial<Record<Name, number>> = {},
): Promise<Record<Name, number>> {
  const fresh = await freePorts(names.length);
  const chosen = names.map(async (name, index) => {
    const old = last[name];
    const port = old !== undefined && !(await isOpen(old)) ? old : fresh[index];
    return [name, port] as const;
  });
  return Object.fromEntries(await Promise.all(chosen)) as Record<Name, number>;
}

/** The first of `count` consecutive free ports: `wanted`, unless one of that range is taken. */
export async function portRow(count: number, wanted: number): Promise<number> {
  for (let first = wanted, tries = 0; tries < 20; tries += 1, [first = 0] = await freePorts(1)) {
    const row = Array.from({ length: count }, (_, i) => first + i);
    const taken = await Promise.all(row.map(async (one) => one > 65_535 || (await isOpen(one))));
    if (!taken.includes(true)) return first;
  }
  throw new Error(`found no ${count} consecutive free ports`);
}

/** Whether a process listens on the port. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
    socket.once("timeout", () => answer(false));
  });
}
