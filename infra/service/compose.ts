import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeSecret } from "./files.ts";
import type { Address, Container, Place, Runner } from "./service.ts";
import { chooseSettings, readSettings, type Settings } from "./settings.ts";
import { exists, run, succeeds } from "./tools.ts";

const FILE = join(import.meta.dirname, "../../docker-compose.yml");
/** Docker may have to pull an image. */
const UP_MS = 900_000;
const QUICK_MS = 60_000;

/** Whether a Docker engine answers, and its client has `compose`. */
export async function hasEngine(): Promise<boolean> {
  return (
    (await succeeds("docker", "compose", "version")) &&
    (await succeeds("docker", "info", "--format", "{{.ServerVersion}}"))
  );
}

/** Whether the service of this place was last started as a container. */
export function isContained(place: Pick<Place, "folder">): Promise<boolean> {
  return exists(markOf(place));
}

/**
 * Runs one service of docker-compose.yml as a separate project, so that instances share neither
 * container nor volume.
 */
export function inCompose(name: string, { ports, password, addressOf }: Container): Runner {
  const address = (settings: Settings<string>): Address =>
    addressOf(settings.ports, settings.password);

  async function compose(place: Place, args: string[], timeoutMs: number): Promise<string> {
    const settings = await readSettings(place.folder);
    const env = {
      ...process.env,
      // The file requires every service's password, even if only one service starts.
      RABBITMQ_PASSWORD: "unused",
      NEO4J_PASSWORD: "unused",
      REDIS_PASSWORD: "unused",
      QDRANT_API_KEY: "unused",
      ...Object.fromEntries(Object.entries(settings?.ports ?? {}).map(([k, v]) => [k, String(v)])),
      ...(password !== undefined && settings && { [password]: settings.password }),
    };
    const project = `warren-${createHash("sha256").update(place.folder).digest("hex").slice(0, 8)}`;
    const all = ["compose", "--file", FILE, "--project-name", project, ...args];
    return run("docker", all, { env, timeoutMs });
  }

  const alive = async (place: Place): Promise<boolean> => {
    const ids = await compose(place, ["ps", "--quiet", "--status", "running", name], QUICK_MS);
    return ids.trim() !== "";
  };

  return {
    async start(place) {
      const settings = await chooseSettings(place.folder, ports);
      await writeSecret(markOf(place), "");
      place.report("docker compose up");
      await compose(place, ["up", "--detach", "--wait", name], UP_MS);
      return address(settings);
    },
    async stop(place) {
      await compose(place, ["stop", name], QUICK_MS);
    },
    async signal(place, signal) {
      await compose(place, ["kill", "--signal", signal, name], QUICK_MS);
    },
    async find(place) {
      const settings = await readSettings(place.folder);
      return settings && { address: address(settings), alive: await alive(place) };
    },
  };
}

function markOf({ folder }: Pick<Place, "folder">): string {
  return join(folder, "container");
}
