import { execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "../../infra/service/instance.ts";
import { freePort } from "./free-port.ts";
import { copyProject } from "./project-copy.ts";

/** One thing that a guide tells its reader to do. */
export type Step =
  | { kind: "run"; commands: string }
  | { kind: "write"; file: string; text: string }
  | { kind: "edit"; file: string; hunks: { from: string; to: string }[] };

/**
 * The fenced blocks of a guide, in order: `sh` is run, `diff` edits the file that it names, any other
 * is a file, which the line before names last.
 */
function stepsOf(markdown: string): Step[] {
  const blocks = markdown.matchAll(/([^\n]*)\n\n```(\w+)\n(.*?)\n```/gs);
  return [...blocks].map(([, before = "", language, text = ""]): Step => {
    if (language === "sh") return { kind: "run", commands: text };
    if (language === "diff") return editOf(text);
    const file = [...before.matchAll(/`([^`]+)`/g)].at(-1)?.[1];
    if (file === undefined) throw new Error(`no file is named before: ${text.slice(0, 80)}`);
    return { kind: "write", file, text: `${text}\n` };
  });
}

/** A reader looks for the lines, not for their numbers. */
function editOf(text: string): Step {
  const [header = "", ...hunks] = text.split(/^@@\n/m);
  const file = /^\+\+\+ b\/(.+)$/m.exec(header)?.[1];
  if (file === undefined) throw new Error(`a diff without a file: ${text.slice(0, 80)}`);
  const side = (hunk: string, sign: string) =>
    hunk
      .split("\n")
      .filter((line) => line.startsWith(" ") || line.startsWith(sign))
      .map((line) => line.slice(1))
      .join("\n");
  return {
    kind: "edit",
    file,
    hunks: hunks.map((hunk) => ({ from: side(hunk, "-"), to: side(hunk, "+") })),
  };
}

/** Writes or edits as a step says; each place must be there exactly once. */
async function change(root: string, step: Exclude<Step, { kind: "run" }>): Promise<void> {
  const path = join(root, step.file);
  if (step.kind === "write") {
    await mkdir(dirname(path), { recursive: true });
    return writeFile(path, step.text);
  }
  let text = await readFile(path, "utf8");
  for (const { from, to } of step.hunks) {
    if (text.split(from).length !== 2) throw new Error(`not once in ${step.file}:\n${from}`);
    text = text.replace(from, () => to);
  }
  await writeFile(path, text);
}

/** A reader of a guide, in a copy of the project. */
export type Reader = {
  clone: string;
  terminal: Terminal;
  /** Does what the steps say. */
  follow: (steps: readonly Step[]) => Promise<void>;
  /** Stops what runs, and deletes the copy. */
  leave: () => Promise<void>;
};

export async function newReader(env: Record<string, string>): Promise<Reader> {
  const clone = await mkdtemp(join(tmpdir(), "warren-guide-"));
  await copyProject(clone);
  await mkdir(join(clone, ".warren"));
  execFileSync("cp", ["-al", join(ROOT, "node_modules"), join(clone, "node_modules")]);
  const { PATH = "", HOME = "" } = process.env;
  const terminal = openTerminal(clone, { PATH, HOME, ...env });
  return {
    clone,
    terminal,
    async follow(steps) {
      for (const step of steps) {
        if (step.kind === "run") await terminal.run(step.commands);
        else await change(clone, step);
      }
    },
    async leave() {
      await terminal.run("npm stop").catch(() => {});
      terminal.close();
      await rm(clone, { recursive: true });
    },
  };
}

/** The steps of a page of docs/, with other ports: somebody else may listen on those that it names. */
export async function stepsOfPage(page: string, ports: readonly number[]): Promise<Step[]> {
  let text = await readFile(join(ROOT, "docs", page), "utf8");
  for (const port of ports) text = text.replaceAll(String(port), String(await freePort()));
  return stepsOf(text);
}

/** A terminal: what one command exports or leaves running is there for the next. */
export type Terminal = {
  /** What it printed; rejects with that when a command fails or takes longer than `ms`. */
  run: (commands: string, ms?: number) => Promise<string>;
  /** Ends it and all that it started and that still runs in it. */
  close: () => void;
};

function openTerminal(cwd: string, env: Record<string, string>): Terminal {
  const shell = spawn("bash", ["--norc"], { cwd, env, detached: true });
  let output = "";
  let heard = () => {};
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      heard();
    });
  }

  return {
    async run(commands, ms = 180_000) {
      output = "";
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const timer = setTimeout(
        () => reject(new Error(`took ${ms} ms: ${commands}\n${output}`)),
        ms,
      );
      heard = () => {
        const [, said = "", code] = /^(.*)\0(\d+)\n$/s.exec(output) ?? [];
        if (code === "0") resolve(said);
        else if (code !== undefined) reject(new Error(`exit ${code}: ${commands}\n${said}`));
      };
      shell.stdin.write(`${joined(commands)}\nprintf '\\0%s\\n' $?\n`);
      return promise.finally(() => clearTimeout(timer));
    },
    close() {
      if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
    },
  };
}

/**
 * As one types them: the next only if the one before went well. `&` ends a command by itself, and `\` at the
 * end of a line continues it.
 */
function joined(commands: string): string {
  return commands
    .replaceAll("\\\n", "")
    .split("\n")
    .join(" &&\n")
    .replaceAll(/& &&\n/g, "&\n");
}
