import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { locked } from "../service/lock.ts";
import type { Place } from "../service/service.ts";
import { exists, MissingError, run } from "../service/tools.ts";

/** RabbitMQ, and the packages that its scripts and Erlang need. */
const PACKAGES =
  "rabbitmq-server base-files dash bash coreutils sed grep util-linux mawk procps hostname libc-bin";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** A release of Debian, by its code name. */
export type Suite = "trixie" | "forky";

/** The root of the unpacked system. */
export function unpackedFolder(suite: Suite, cache: string): string {
  return join(cache, `${suite}-rabbitmq`);
}

/**
 * Unpacks the RabbitMQ of a Debian release with its dependencies, once for all instances. apt fetches the
 * packages from this machine's mirror and checks their signatures; nothing is installed. Throws MissingError
 * where this is impossible.
 */
export async function unpackRabbit(
  suite: Suite,
  { cache, report }: Pick<Place, "cache" | "report">,
): Promise<void> {
  const folder = unpackedFolder(suite, cache);
  if (process.getuid?.() !== 0 || !(await exists(KEYRING))) {
    throw new MissingError("RABBITMQ_VERSION runs a chroot: it needs root on Debian, or Docker.");
  }
  await locked(folder, async () => {
    if (await exists(folder)) return;
    report(`fetches RabbitMQ from Debian ${suite}`);
    await mkdir(cache, { recursive: true });
    const draft = await mkdtemp(join(cache, "unpacking-"));
    try {
      await fetch(suite, draft);
      const root = join(draft, "root");
      for (const deb of await readdir(join(draft, "cache/archives"))) {
        if (!deb.endsWith(".deb")) continue;
        await run("dpkg-deb", ["-x", join(draft, "cache/archives", deb), root], {
          timeoutMs: 60_000,
        });
      }
      // Does the work of the packages' install scripts.
      await symlink("mawk", join(root, "usr/bin/awk"));
      for (const file of ["hosts", "resolv.conf"]) {
        await copyFile(join("/etc", file), join(root, "etc", file));
      }
      await rename(root, folder);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
}

/** Uses separate lists, state and cache, so that the machine's apt stays unchanged. */
async function fetch(suite: Suite, draft: string): Promise<void> {
  for (const name of ["state/lists/partial", "cache/archives/partial", "root"]) {
    await mkdir(join(draft, name), { recursive: true });
  }
  await writeFile(join(draft, "state/status"), "");
  await writeFile(
    join(draft, "sources"),
    `deb [signed-by=${KEYRING}] ${await mirror()} ${suite} main\n`,
  );
  const own = {
    "Dir::Etc::sourcelist": join(draft, "sources"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State": join(draft, "state"),
    "Dir::State::status": join(draft, "state/status"),
    "Dir::Cache": join(draft, "cache"),
    "APT::Install-Recommends": "false",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
  };
  const options = Object.entries(own).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = (...args: string[]) =>
    run("apt-get", [...options, "-q", ...args], { timeoutMs: 600_000 });
  await apt("update");
  await apt("-y", "--download-only", "install", ...PACKAGES.split(" "));
}

/** The Debian mirror of this machine. */
async function mirror(): Promise<string> {
  const filter = ["Created-By: Packages", "Origin: Debian", "Label: Debian"];
  const ask = ["indextargets", "--format", "$(REPO_URI)", ...filter];
  const known = async () => (await run("apt-get", ask, { timeoutMs: 60_000 })).split("\n")[0] ?? "";
  const found = await known();
  if (found) return found;
  // Before its first update, apt does not know the origin of its sources.
  await run("apt-get", ["-q", "update"], { timeoutMs: 300_000 });
  const learnt = await known();
  if (learnt) return learnt;
  throw new MissingError("RABBITMQ_VERSION needs a Debian mirror: apt has none here.");
}
