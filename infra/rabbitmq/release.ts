import { join } from "node:path";
import type { Launch } from "../service/processes.ts";
import type { Place } from "../service/service.ts";
import { MissingError, type Program, requirePrograms } from "../service/tools.ts";
import { type Suite, unpackedFolder, unpackRabbit } from "./unpacked.ts";

/** Debian's scripts in this folder run as the calling user. */
const PROGRAMS = "/usr/lib/rabbitmq/bin";
const SERVER = join(PROGRAMS, "rabbitmq-server");
const INSTALLED: Program = { command: "test", args: ["-x", SERVER], debian: "rabbitmq-server" };

/** One version of RabbitMQ on this machine, and how to run its programs. */
type Release = {
  /** Installs it. */
  install: (place: Pick<Place, "cache" | "report">) => Promise<void>;
  /** The folder of its configuration and data, below an instance's folder. */
  home: (folder: string) => string;
  /** The path of that folder as its programs see it. */
  seen: (home: string) => string;
  /** The command for one of its programs: `rabbitmq-server`, `rabbitmqctl` or `epmd`. */
  run: (
    program: string,
    args: readonly string[],
    at: { cache: string; home: string; env: NodeJS.ProcessEnv },
  ) => Pick<Launch, "command" | "args" | "env">;
};

/** The version of the machine's Debian (bookworm: 3.10). */
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
 * That of a newer Debian. It needs a newer Erlang and C library, so it is unpacked into a folder and runs in
 * a chroot. Each process has a separate mount namespace, so its mounts end with it. The data has a separate
 * folder, because no version can read the data of all others.
 */
const unpacked = (version: string, suite: Suite): Release => ({
  install: (place) => unpackRabbit(suite, place),
  home: (folder) => join(folder, version),
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
    const inside = ["sh", "-c", script, "sh", unpackedFolder(suite, cache), home, path, ...args];
    // Without the caller's LANG and PATH: they refer to another system.
    const own = { ...env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
    return { command: "unshare", args: ["--mount", ...inside], env: own };
  },
});

/** 4 is 4.0; forky is not released yet, so its version moves on. */
const RELEASES: Readonly<Record<string, Release>> = {
  "": installed,
  4: unpacked("4", "trixie"),
  4.3: unpacked("4.3", "forky"),
};

/** `RABBITMQ_VERSION`: 4, 4.3, or unset for Debian's version. Throws MissingError. */
export function releaseOf({ RABBITMQ_VERSION: version = "" }: NodeJS.ProcessEnv): Release {
  const release = RELEASES[version];
  if (release !== undefined) return release;
  throw new MissingError("RABBITMQ_VERSION: must be 4 or 4.3, or unset for Debian's version");
}
