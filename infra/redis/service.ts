import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { readConfig, redisUrl } from "../../lib/config.ts";
import { redisClient } from "../../lib/ledger/redis-client.ts";
import { writeSecret } from "../service/files.ts";
import { natively, type Process } from "../service/native.ts";
import { type Address, type Place, type Service, withoutLogin } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";
import { type Program, requirePrograms } from "../service/tools.ts";

const SERVER: Program = { command: "redis-server", args: ["--version"], debian: "redis-server" };

const server: Process<"redis"> = {
  name: "server",
  launch: ({ folder }) => ({
    command: SERVER.command,
    args: [join(folder, "redis.conf")],
    env: process.env,
  }),
  answers: (settings) => answers(addressOf(settings)),
  startMs: 30_000,
  graceMs: 15_000,
};

/** Redis, configured for a ledger: it evicts nothing and writes every change to disk. */
export const redis: Service<{ url: string }> = {
  name: "redis",
  title: "Redis",
  provides: ["REDIS_URL"],
  given,
  answers,
  describe: ({ REDIS_URL: url = "" }) => ({ url }),
  row: ({ url }) => [withoutLogin(url)],
  native: natively({
    title: "Redis",
    ports: ["redis"],
    prepare: configure,
    processes: [server],
    addressOf,
  }),
  container: {
    ports: ["REDIS_PORT"],
    password: "REDIS_PASSWORD",
    addressOf: ({ REDIS_PORT }, password) => addressOf({ ports: { redis: REDIS_PORT! }, password }),
  },
};

function given(env: NodeJS.ProcessEnv): Address | undefined {
  const { REDIS_URL } = readConfig(z.object({ REDIS_URL: redisUrl.optional() }), env);
  return REDIS_URL === undefined ? undefined : { REDIS_URL };
}

async function configure({ folder, report }: Place, settings: Settings<"redis">): Promise<void> {
  await requirePrograms([SERVER], { title: "Redis", report });
  await mkdir(join(folder, "data"), { recursive: true, mode: 0o700 });
  await writeSecret(join(folder, "redis.conf"), configurationOf(folder, settings));
}

/** In a file, because every user of the machine can read arguments. */
export function configurationOf(folder: string, { ports, password }: Settings<"redis">): string {
  return `bind 127.0.0.1
port ${ports.redis}
requirepass ${password}
dir "${join(folder, "data")}"
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
`;
}

async function answers({ REDIS_URL: url = "" }: Address): Promise<boolean> {
  const { run, close } = redisClient(url);
  const pong = await run((client) => client.ping()).catch(() => undefined);
  close();
  return pong === "PONG";
}

function addressOf({ ports, password }: Settings<"redis">): Address {
  return { REDIS_URL: `redis://default:${password}@127.0.0.1:${ports.redis}` };
}
