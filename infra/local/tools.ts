import { execFile } from "node:child_process";
import { access, chmod, mkdtemp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A tool or package that cannot be had here; the message says what to do. */
export class MissingError extends Error {
  override name = "MissingError";
}

/** Whether a command exists and answers. */
export async function answers(command: string, ...args: string[]): Promise<boolean> {
  return run(command, args, { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}

/** Installs a Debian package where we may; throws MissingError where we may not. */
export async function installDebian(name: string, wantedFor: string): Promise<void> {
  if (process.getuid?.() !== 0 || !(await answers("apt-get", "--version"))) {
    throw new MissingError(
      `${wantedFor} needs Docker, or the package ${name}: install it, or give the address of a running service.`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await withoutServices(async () => {
    await run("apt-get", ["update"], { env, timeout: 300_000 });
    await run("apt-get", ["install", "-y", "--no-install-recommends", name], {
      env,
      timeout: 600_000,
      maxBuffer: 64 * 1_024 * 1_024,
    });
  });
}

/** Debian starts what it installs, on all addresses, unless this file forbids it (policy-rc.d). */
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

/** `java` for services on the JVM. */
export async function requireJava(wantedFor: string): Promise<void> {
  if (!(await answers("java", "-version"))) await installDebian("default-jdk-headless", wantedFor);
}

export type Artifact = { groupId: string; artifactId: string; version: string };

/**
 * The folder with a Maven artifact and all it needs at run time; fetched once into `cache` and
 * shared by every instance.
 */
export async function jarsOf(
  cache: string,
  [main, ...others]: readonly [Artifact, ...Artifact[]],
  wantedFor: string,
): Promise<string> {
  const folder = join(cache, `${main.artifactId}-${main.version}`);
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  if (there) return folder;

  if (!(await answers("mvn", "-v"))) await installDebian("maven", wantedFor);
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, "fetching-"));
  try {
    await writeFile(join(draft, "pom.xml"), pomOf([main, ...others]));
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    const target = ["-DoutputDirectory=lib", "-DincludeScope=runtime"];
    await run("mvn", ["-q", "-B", "-ntp", goal, ...target], { cwd: draft, timeout: 600_000 });
    // Another instance may have been faster; then theirs is as good.
    await rename(join(draft, "lib"), folder).catch(() => access(folder));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

function pomOf(artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map(
    ({ groupId, artifactId, version }) =>
      `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>warren</groupId><artifactId>local</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join("")}</dependencies></project>
`;
}
