import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newPassword, once, writeSecret } from "./files.ts";
import { freePorts, isOpen } from "./ports.ts";
import { end, launch, remember, running, untilReady } from "./processes.ts";
import type { Address, Place, Service } from "./service.ts";
import { installDebian } from "./tools.ts";

/** Where Debian's package puts it; the script that runs as whoever calls it. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const USER = "warren";

type Settings = {
  amqp: number;
  management: number;
  prometheus: number;
  distribution: number;
  epmd: number;
  password: string;
};

/** RabbitMQ from Debian, everything on the loopback address, with a port mapper of its own. */
export const rabbitmq: Service = {
  name: "rabbitmq",
  title: "RabbitMQ",
  variables: ["RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL"],
  container: {
    service: "rabbitmq",
    ports: ["RABBITMQ_PORT", "RABBITMQ_MANAGEMENT_PORT"],
    password: "RABBITMQ_PASSWORD",
    address: (chosen) => ({
      RABBITMQ_URL: `amqp://${USER}:${chosen["RABBITMQ_PASSWORD"]}@127.0.0.1:${chosen["RABBITMQ_PORT"]}`,
      RABBITMQ_MANAGEMENT_URL: `http://127.0.0.1:${chosen["RABBITMQ_MANAGEMENT_PORT"]}`,
    }),
  },
  native: { start, stop, address },
};

async function start(place: Place): Promise<Address> {
  const { folder } = place;
  await access(SERVER).catch(() => installDebian("rabbitmq-server", "RabbitMQ"));
  const settings = await settingsOf(place);
  await configure(folder, settings);

  const epmd = join(folder, "epmd");
  if ((await running(epmd)) === undefined) {
    const args = ["-address", "127.0.0.1", "-port", String(settings.epmd)];
    await launch({ folder: epmd, command: "epmd", args, env: process.env });
    await untilReady(epmd, "epmd", () => isOpen(settings.epmd), 5_000);
  }
  await launch({ folder, command: SERVER, args: [], env: environment(folder, settings) });
  await untilReady(folder, "RabbitMQ", () => isHealthy(settings), 60_000);
  // The script only waits; the broker itself is what takes a signal.
  await remember(folder, Number(await readFile(join(folder, "pid"), "utf8")));
  return addressOf(settings);
}

async function stop({ folder }: Place): Promise<void> {
  await end(folder, 20_000);
  await end(join(folder, "epmd"), 1_000);
}

async function address(place: Place): Promise<Address | undefined> {
  if ((await running(place.folder)) === undefined) return undefined;
  const settings = await settingsOf(place);
  return (await isHealthy(settings)) ? addressOf(settings) : undefined;
}

function settingsOf({ folder }: Place): Promise<Settings> {
  return once(join(folder, "settings.json"), async () => {
    const [amqp, management, prometheus, distribution, epmd] = await freePorts(5);
    return {
      amqp: amqp!,
      management: management!,
      prometheus: prometheus!,
      distribution: distribution!,
      epmd: epmd!,
      password: newPassword(),
    };
  });
}

async function configure(folder: string, settings: Settings): Promise<void> {
  for (const name of ["home", "mnesia", "log.d"]) {
    await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  }
  await writeSecret(join(folder, "rabbitmq.conf"), configurationOf(settings));
  await writeFile(
    join(folder, "enabled_plugins"),
    "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_consistent_hash_exchange].\n",
  );
}

/** The default user is ours, so that guest never exists. */
export function configurationOf(settings: Settings): string {
  return `listeners.tcp.local = 127.0.0.1:${settings.amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${settings.management}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = ${settings.prometheus}
default_user = ${USER}
default_pass = ${settings.password}
`;
}

function environment(folder: string, { distribution, epmd }: Settings): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOME: join(folder, "home"),
    RABBITMQ_NODENAME: "warren@localhost",
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log.d"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
  };
}

async function isHealthy({ management, password }: Settings): Promise<boolean> {
  const authorization = `Basic ${btoa(`${USER}:${password}`)}`;
  const url = `http://127.0.0.1:${management}/api/health/checks/virtual-hosts`;
  const answer = await fetch(url, {
    headers: { authorization },
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined);
  return answer?.ok ?? false;
}

function addressOf({ amqp, management, password }: Settings): Address {
  return {
    RABBITMQ_URL: `amqp://${USER}:${password}@127.0.0.1:${amqp}`,
    RABBITMQ_MANAGEMENT_URL: `http://127.0.0.1:${management}`,
  };
}
