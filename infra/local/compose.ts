import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { newPassword, once } from "./files.ts";
import { freePorts } from "./ports.ts";
import type { Address, Container, Place, Runner } from "./service.ts";
import { answers } from "./tools.ts";

const run = promisify(execFile);
const FILE = fileURLToPath(new URL("../../docker-compose.yml", import.meta.url));

/** Whether a Docker engine answers, not just its client. */
export function hasEngine(): Promise<boolean> {
  return answers("docker", "info", "--format", "{{.ServerVersion}}");
}

/** Runs one service of docker-compose.yml, under ports and a password of this instance's own. */
export function inCompose(container: Container): Runner {
  const { service, ports, password, address } = container;

  const chosen = ({ folder }: Place): Promise<Address> =>
    once(join(folder, "compose.json"), async () => {
      const free = await freePorts(ports.length);
      return {
        ...Object.fromEntries(ports.map((name, index) => [name, String(free[index])])),
        ...(password !== undefined && { [password]: newPassword() }),
      };
    });

  const compose = async (place: Place, ...args: string[]): Promise<string> => {
    // One project an instance: two instances never share a container or a volume.
    const project = `warren-${createHash("sha256").update(place.folder).digest("hex").slice(0, 8)}`;
    const env = { ...process.env, ...(await chosen(place)) };
    const all = ["compose", "--file", FILE, "--project-name", project, ...args];
    const { stdout } = await run("docker", all, { env, timeout: 600_000 });
    return stdout;
  };

  return {
    async start(place) {
      await compose(place, "up", "--detach", "--wait", service);
      return address(await chosen(place));
    },
    async stop(place) {
      await compose(place, "stop", service);
    },
    async address(place) {
      const up = await compose(place, "ps", "--quiet", "--status", "running", service);
      return up.trim() === "" ? undefined : address(await chosen(place));
    },
  };
}
