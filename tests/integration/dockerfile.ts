import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { DockerfileParser, type Instruction } from "dockerfile-ast";

/** What an image holds, made without an engine: a folder in place of `/`. */
export type Image = {
  root: string;
  /** What the HEALTHCHECK says. */
  health: () => Promise<"healthy" | "unhealthy">;
  /** The ENTRYPOINT with these arguments instead of CMD's, as its user. */
  run: (env: Record<string, string>, args?: readonly string[]) => ChildProcess;
};

type Stage = {
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: number | undefined;
  entrypoint: string[];
  cmd: string[];
  health: string[];
};

/**
 * Does by hand what a Dockerfile says, step by step: FROM gives an empty folder with this very Node in
 * it, COPY copies, RUN runs there. Knows the instructions of ours and throws at others. In the end
 * nobody may write in it.
 */
export async function imageOf(text: string, context: string, folder: string): Promise<Image> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    if (instruction.getKeyword() === "FROM") {
      const name = /\bAS (\S+)$/i.exec(argumentsOf(instruction))?.[1] ?? "final";
      stage = await emptyStage(join(folder, name));
      stages.set(name, stage);
    } else {
      await apply(instruction, stage!, stages, context);
    }
  }
  const { root, workdir, env, user, entrypoint, cmd, health } = stage!;
  await promisify(execFile)("chmod", ["-R", "a-w,a+rX", root]);

  const start = ([command = "", ...args]: string[], more: Record<string, string>) =>
    spawn(command === "node" ? nodeIn(root) : command, args, {
      cwd: join(root, workdir),
      env: { ...env, ...more },
      stdio: ["ignore", "pipe", "pipe"],
      // Only root may become somebody else.
      ...(process.getuid?.() === 0 && { uid: user, gid: user }),
    });
  return {
    root,
    run: (more, args = cmd) => start([...entrypoint, ...args], more),
    async health() {
      const [code] = (await once(start(health, {}), "exit")) as [number | null];
      return code === 0 ? "healthy" : "unhealthy";
    },
  };
}

async function emptyStage(root: string): Promise<Stage> {
  await mkdir(dirname(nodeIn(root)), { recursive: true });
  await copyFile(process.execPath, nodeIn(root));
  return { root, workdir: "/", env: {}, user: undefined, entrypoint: [], cmd: [], health: [] };
}

function nodeIn(root: string): string {
  return join(root, "usr/local/bin/node");
}

async function apply(
  instruction: Instruction,
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  context: string,
): Promise<void> {
  const text = argumentsOf(instruction);
  switch (instruction.getKeyword()) {
    case "WORKDIR":
      stage.workdir = text;
      await mkdir(join(stage.root, text), { recursive: true });
      return;
    case "ENV": {
      const [name = "", value = ""] = text.split("=");
      stage.env[name] = value;
      return;
    }
    case "COPY": {
      const [, name, paths = ""] = /^(?:--from=(\S+) )?(.*)$/.exec(text) ?? [];
      const from = name === undefined ? context : stages.get(name)!.root;
      const words = paths.split(" ");
      await copy(words.slice(0, -1), from, join(stage.root, stage.workdir, words.at(-1)!));
      return;
    }
    case "RUN": {
      const options = { cwd: join(stage.root, stage.workdir), timeout: 110_000 };
      await promisify(execFile)("sh", ["-c", text], options);
      return;
    }
    case "USER":
      stage.user = Number(text.split(":")[0]);
      return;
    case "HEALTHCHECK":
      stage.health = JSON.parse(text.slice(text.indexOf("["))) as string[];
      return;
    case "ENTRYPOINT":
      stage.entrypoint = JSON.parse(text) as string[];
      return;
    case "CMD":
      stage.cmd = JSON.parse(text) as string[];
      return;
    case "EXPOSE":
      return;
    default:
      throw new Error(`nobody does ${instruction.getKeyword()} here`);
  }
}

/** A file goes into the folder under its name; of a folder its contents do. */
async function copy(sources: readonly string[], from: string, to: string): Promise<void> {
  for (const source of sources) {
    const path = join(from, source);
    const isFolder = await readdir(path).then(
      () => true,
      () => false,
    );
    await cp(path, isFolder ? to : join(to, source), { recursive: true });
  }
}

function argumentsOf(instruction: Instruction): string {
  const text = instruction.getTextContent().replaceAll(/\\\n\s*/g, "");
  return text.slice(text.indexOf(" ") + 1);
}
