import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { locked } from "./lock.ts";
import { exists, JAVA, MAVEN, requirePrograms, run } from "./tools.ts";
import type { Place } from "./service.ts";

export type Artifact = { groupId: string; artifactId: string; version: string };

const GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

type Artifacts = readonly Artifact[];

/** The folder with the artifacts and their runtime dependencies. */
export function jarsFolder(cache: string, artifacts: Artifacts): string {
  return join(cache, artifacts.map((one) => `${one.artifactId}-${one.version}`).join("+"));
}

/**
 * Fetches artifacts and their dependencies from Maven's repository, once for all instances. Also
 * makes sure that `java` is installed.
 */
export async function jarsOf(
  { cache, report }: Place,
  artifacts: Artifacts,
  title: string,
): Promise<void> {
  const folder = jarsFolder(cache, artifacts);
  if (await exists(folder)) {
    await requirePrograms([JAVA], { title, report });
    return;
  }
  await requirePrograms([JAVA, MAVEN], { title, report });
  // One at a time: all instances share Maven's local repository, and Maven does not lock it.
  report("waits for Maven");
  await locked("/warren/maven", async () => {
    if (await exists(folder)) return;
    report("fetches its jars with Maven");
    await fetch(cache, folder, artifacts);
  });
}

async function fetch(cache: string, folder: string, artifacts: readonly Artifact[]): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, "fetching-"));
  try {
    await writeFile(join(draft, "pom.xml"), pomOf(artifacts));
    const target = ["-DoutputDirectory=lib", "-DincludeScope=runtime"];
    await run("mvn", ["-q", "-B", "-ntp", GOAL, ...target], { cwd: draft, timeoutMs: 900_000 });
    await rename(join(draft, "lib"), folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
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
