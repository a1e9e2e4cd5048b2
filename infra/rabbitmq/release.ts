import { join } from "node:path";
import type { Launch } from "../service/processes.ts";
import type { Place } from "../service/service.ts";
import { MissingError, type Program, requirePrograms } from "../service/tools.ts";
import { trixieFolder, unpackTrixie } from "./trixie.ts";

/** Where Debian's packages put the scripts that run as whoever calls them. */
const PROGRAMS = "/usr/lib/rabbitmq/bin";
const SERVER = join(PROGRAMS, "rabbitmq-server");
const INSTALLED: Program = { command: "test", args: ["-x", SERVER], debian: "rabbitmq-server" };

/** One version of RabbitMQ on this machine, and how its programs are run. */
type Release = {
  /** Installs it. */
  install: (place: Pick<Place, "cache" | "report">) => Promise<void>;
  /** Where it keeps configuration and data, below an instance's folder. */
  home: (folder: string) => string;
  /** That home, as its programs see it. */
  seen: (home: string) => string;
  /** How a program of it is run: `rabbitmq-server`, `rabbitmqctl` or `epmd`. */
  run: (
    program: string,
    args: readonly string[],
    at: { cache: string; home: string; env: NodeJS.ProcessEnv },
  ) => Pick<Launch, "command" | "args" | "env">;
};

/** What the machine's own Debian has (bookworm: 3.10). */
const installed: Release = {
  install: ({ report }) => requirePrograms([INSTALLED], { title: "RabbitMQ", report }),
  home: (folder) => folder,
  seen: (home) => home,
  run: (program, args, { env }) => ({
    command: program === "epmd" ? program : join(PROGRAMS, program),
    args,
    env,
  }),
};

/**
 * 4.0 from Debian trixie, unpacked beside this Debian and run in a chroot, since it wants a newer
 * Erlang and C library. Its mounts end with its processes: each has a mount namespace of its own. Its
 * data has a folder of its own, since 4.0 cannot read 3.10's.
 */
const unpacked: Release = {
  install: unpackTrixie,
  home: (folder) => join(folder, "4"),
  seen: () => "/data",
  run(program, args, { cache, home, env }) {
    const script = `set -e
root=$1 home=$2
shift 2
mkdir -p "$root/data"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --bind "$home" "$root/data"
exec chroot "$root" "$@"`;
    const path = program === "epmd" ? "/usr/bin/epmd" : join(PROGRAMS, program);
    const inside = ["sh", "-c", script, "sh", trixieFolder(cache), home, path, ...args];
    // Not the caller's LANG and PATH: they speak of another system.
    const own = { ...env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
    return { command: "unshare", args: ["--mount", ...inside], env: own };
  },
};

/** `RABBITMQ_VERSION`: 4, or nothing for what Debian has. Throws MissingError. */
export function releaseOf({ RABBITMQ_VERSION: version = "" }: NodeJS.ProcessEnv): Release {
  if (version === "") return installed;
  if (version === "4") return unpacked;
  throw new MissingError("RABBITMQ_VERSION: must be 4, or absent for the version that Debian has");
}
