import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { readConfig, variables } from "../../lib/config.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { newPassword, writeSecret } from "../service/files.ts";
import { natively, type Process } from "../service/native.ts";
import { isOpen } from "../service/ports.ts";
import { type Address, type Place, type Service, withoutLogin } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";
import { applyTopology } from "./apply.ts";
import { readConsumers } from "./consumers.ts";
import { releaseOf } from "./release.ts";

const USER = "warren";

const PORTS = ["amqp", "management", "prometheus", "distribution", "epmd"] as const;
type Chosen = Settings<(typeof PORTS)[number]>;

/** Erlang's port mapper. Each broker has one, so that stopping it disturbs no other broker. */
const epmd: Process<keyof Chosen["ports"]> = {
  name: "epmd",
  launch: (place, settings) =>
    launchOf("epmd", ["-address", "127.0.0.1", "-port", String(settings.ports.epmd)], {
      place,
      settings,
    }),
  answers: ({ ports }) => isOpen(ports.epmd),
  startMs: 10_000,
  graceMs: 2_000,
};

const broker: Process<keyof Chosen["ports"]> = {
  name: "broker",
  launch: (place, settings) => launchOf("rabbitmq-server", [], { place, settings }),
  answers: (settings) => answers(addressOf(settings)),
  startMs: 90_000,
  graceMs: 30_000,
};

const addressVariables = {
  RABBITMQ_URL: variables.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: z.url().optional(),
};

/**
 * RabbitMQ from Debian, in the version of RABBITMQ_VERSION. Everything listens on the loopback
 * address only, with a separate port mapper.
 */
export const rabbitmq: Service<{ url: string; management?: string }> = {
  name: "rabbitmq",
  title: "RabbitMQ",
  provides: ["RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL"],
  given,
  answers,
  async prepare(environment, { retryDelays }) {
    const { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL: managementUrl } = readConfig(
      z.object(addressVariables),
      environment,
    );
    // For all functions: a function that does not run now gets its events later.
    const topology = topologyOf({ consumers: await readConsumers(), retryDelays });
    await applyTopology({ url, managementUrl, topology });
  },
  describe: ({ RABBITMQ_URL: url = "", RABBITMQ_MANAGEMENT_URL: management }) => ({
    url,
    ...(management !== undefined && { management }),
  }),
  row: ({ url, management }) => [withoutLogin(url), ...(management ? [management] : [])],
  native: natively({
    title: "RabbitMQ",
    ports: PORTS,
    prepare: configure,
    processes: [epmd, broker],
    addressOf,
  }),
  container: {
    ports: ["RABBITMQ_PORT", "RABBITMQ_MANAGEMENT_PORT"],
    password: "RABBITMQ_PASSWORD",
    addressOf: ({ RABBITMQ_PORT, RABBITMQ_MANAGEMENT_PORT }, password) =>
      addressOf({
        ports: { amqp: RABBITMQ_PORT!, management: RABBITMQ_MANAGEMENT_PORT! },
        password,
      }),
  },
};

function given(env: NodeJS.ProcessEnv): Address | undefined {
  const { RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL } = readConfig(
    z.object(addressVariables).partial(),
    env,
  );
  if (RABBITMQ_URL === undefined) return undefined;
  return {
    RABBITMQ_URL,
    ...(RABBITMQ_MANAGEMENT_URL !== undefined && { RABBITMQ_MANAGEMENT_URL }),
  };
}

async function configure(place: Place, settings: Chosen): Promise<void> {
  const release = releaseOf(process.env);
  await release.install(place);
  const folder = release.home(place.folder);
  for (const name of ["home", "mnesia", "log"]) {
    await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  }
  // Otherwise Erlang derives a cookie from the time of day.
  await writeSecret(join(folder, "home", ".erlang.cookie"), newPassword());
  await writeSecret(join(folder, "rabbitmq.conf"), configurationOf(settings));
  await writeFile(
    join(folder, "enabled_plugins"),
    "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_consistent_hash_exchange].\n",
  );
}

function launchOf(
  program: string,
  args: readonly string[],
  { place: { cache, folder }, settings }: { place: Place; settings: Chosen },
) {
  const release = releaseOf(process.env);
  const home = release.home(folder);
  const env = environmentOf({ folder: release.seen(home) }, settings, process.env);
  return release.run(program, args, { cache, home, env });
}

/** Sets Warren's default user, so that RabbitMQ never creates guest. */
export function configurationOf({ ports, password }: Chosen): string {
  return `listeners.tcp.local = 127.0.0.1:${ports.amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${ports.management}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = ${ports.prometheus}
default_user = ${USER}
default_pass = ${password}
`;
}

/** Excludes the caller's RabbitMQ and Erlang settings. */
export function environmentOf(
  { folder }: Pick<Place, "folder">,
  { ports }: Chosen,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const foreign = /^(RABBITMQ|ERL|rabbitmq)_/;
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name))),
    HOME: join(folder, "home"),
    RABBITMQ_NODENAME: "warren@localhost",
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_DIST_PORT: String(ports.distribution),
    // Also for every Erlang process that the broker starts: by default each listens on all addresses.
    ERL_AFLAGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
  };
}

/** Checks AMQP, and the management API's health check if its address is known. */
async function answers(address: Address): Promise<boolean> {
  const { RABBITMQ_URL: url = "", RABBITMQ_MANAGEMENT_URL: management } = address;
  const amqp = () => withChannel({ url, name: "warren status" }, async () => true);
  if (management === undefined) return amqp().catch(() => false);

  const { username, password } = new URL(url);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const health = await fetch(`${management}/api/health/checks/virtual-hosts`, {
    headers: { authorization: `Basic ${Buffer.from(login).toString("base64")}` },
    signal: AbortSignal.timeout(3_000),
  }).catch(() => undefined);
  return health?.ok === true && (await amqp().catch(() => false));
}

function addressOf({
  ports,
  password,
}: {
  ports: { amqp: number; management: number };
  password: string;
}): Address {
  return {
    RABBITMQ_URL: `amqp://${USER}:${password}@127.0.0.1:${ports.amqp}`,
    RABBITMQ_MANAGEMENT_URL: `http://127.0.0.1:${ports.management}`,
  };
}
