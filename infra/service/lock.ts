import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 25;
/** Upper limit for a start with all downloads, ms. */
const PATIENCE_MS = 15 * 60_000;

/**
 * Runs `work` while no other process on this machine holds the lock of this name (usually a path).
 * Calls `onWait` once if another process holds it. Rejects after 15 minutes of waiting.
 */
export async function locked<T>(
  name: string,
  work: () => Promise<T>,
  onWait: () => void = () => {},
): Promise<T> {
  const release = await lock(name, onWait);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Takes the lock until the caller releases it, or until this process ends. */
export async function lock(
  name: string,
  onWait: () => void = () => {},
): Promise<() => Promise<void>> {
  const deadline = performance.now() + PATIENCE_MS;
  let waited = false;
  for (;;) {
    const server = await listen(socketOf(name));
    if (server !== undefined) return () => new Promise((done) => void server.close(() => done()));
    if (performance.now() > deadline) throw new Error(`another process holds ${name}`);
    if (!waited) onWait();
    waited = true;
    await sleep(POLL_MS);
  }
}

/**
 * Only one process can listen on a socket, and the kernel frees it whenever that process ends. The
 * name is abstract (unix(7), Linux), so no file remains.
 */
function socketOf(name: string): string {
  return `\0warren-${createHash("sha256").update(resolve(name)).digest("hex")}`;
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolved, rejected) => {
    const server = createServer((stranger) => stranger.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolved(undefined) : rejected(error),
    );
    server.listen(path, () => resolved(server));
    server.unref();
  });
}
