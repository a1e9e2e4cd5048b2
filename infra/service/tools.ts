import { execFile } from "node:child_process";
import { access, chmod, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { lastLines } from "./files.ts";
import { locked } from "./lock.ts";

const exec = promisify(execFile);

/** A program that this machine lacks. The message says what to do. */
export class MissingError extends Error {
  override name = "MissingError";
}

/** A program that a native start runs, and its Debian package. */
export type Program = { command: string; args: readonly string[]; debian: string };

/** Looks for it only: a start of Java takes longer than Redis'. */
export const JAVA: Program = {
  command: "sh",
  args: ["-c", "command -v java"],
  debian: "default-jre-headless",
};
export const MAVEN: Program = { command: "mvn", args: ["-v"], debian: "maven" };

/** Runs a command to its end. If it fails, rejects with the last lines of its output. */
export async function run(
  command: string,
  args: readonly string[],
  {
    timeoutMs,
    cwd,
    env = process.env,
  }: { timeoutMs: number; cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<string> {
  try {
    const { stdout } = await exec(command, [...args], {
      env,
      timeout: timeoutMs,
      maxBuffer: 64 * 1_024 * 1_024,
      ...(cwd !== undefined && { cwd }),
    });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "", killed } = error as Partial<Record<string, string | boolean>>;
    const why = killed === true ? `did not finish within ${timeoutMs / 1_000} s` : "failed";
    const said = lastLines(`${String(stdout)}\n${String(stderr)}`, 15);
    throw new Error(`\`${command} ${args.join(" ")}\` ${why}:\n${said}`, { cause: error });
  }
}

/** Whether a command exists and succeeds. */
export async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  return exec(command, args, { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

/**
 * Installs missing programs with apt-get if this process is root on Debian; else throws MissingError with
 * the packages. Runs once at a time on this machine, because apt-get allows no more.
 */
export async function requirePrograms(
  programs: readonly Program[],
  { title, report }: { title: string; report: (text: string) => void },
): Promise<void> {
  if ((await missingOf(programs)).length === 0) return;
  await locked("/warren/apt-get", async () => {
    const packages = await missingOf(programs);
    if (packages.length === 0) return;
    if (process.getuid?.() !== 0 || !(await succeeds("apt-get", "--version"))) {
      throw new MissingError(missingText(title, packages));
    }
    report(`installs ${packages.join(", ")}`);
    await installDebian(packages);
  });
}

/** The packages of the missing programs. */
export async function missingOf(
  programs: readonly Program[],
  isThere: (program: Program) => Promise<boolean> = ({ command, args }) =>
    succeeds(command, ...args),
): Promise<string[]> {
  const there = await Promise.all(programs.map(isThere));
  return programs.filter((_, index) => !there[index]).map(({ debian }) => debian);
}

function missingText(title: string, packages: readonly string[]): string {
  const list = packages.join(" ");
  return (
    `${title} is missing here: start Docker, or run \`apt-get install ${list}\` as root, ` +
    "or set the address of your own in the environment (README)."
  );
}

async function installDebian(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  await withoutServices(async () => {
    await run("apt-get", [...wait, "-q", "update"], { env, timeoutMs: 300_000 });
    const install = ["-q", "-y", "--no-install-recommends", "install", ...packages];
    await run("apt-get", [...wait, ...install], { env, timeoutMs: 900_000 });
  });
}

/** Debian starts installed servers on all addresses, unless this file forbids it (policy-rc.d). */
async function withoutServices(work: () => Promise<void>): Promise<void> {
  const policy = "/usr/sbin/policy-rc.d";
  const ours = await writeFile(policy, "#!/bin/sh\nexit 101\n", { flag: "wx" }).then(
    () => true,
    () => false,
  );
  if (ours) await chmod(policy, 0o755);
  try {
    await work();
  } finally {
    if (ours) await rm(policy, { force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
