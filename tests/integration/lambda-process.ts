import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { Unpacked } from "../unpacked.ts";

/** A function's bundle in a clean Node process, called as Lambda's runtime does. */
export type LambdaProcess = {
  process: ChildProcess;
  /** The names that the module exports, once it is imported, and how long that took. */
  loaded: Promise<{ exports: string[]; importMs: number }>;
  /** One at a time. What the handler resolved with, or the message that it rejected with. */
  invoke: (event: unknown) => Promise<{ result?: unknown; error?: string; ms: number }>;
  /** Calls what the module exports as `close` and leaves the process alone: resolves with its exit code. */
  stop: () => Promise<number | null>;
  /** What it has logged. */
  output: () => string;
};

/**
 * Plain JavaScript, since it runs where nothing of Warren is but the bundle. Its answers go to file
 * descriptor 3: stdout is the function's.
 */
const RUNTIME = `
  import { writeSync } from "node:fs";
  import { createInterface } from "node:readline";
  const answer = (object) => writeSync(3, JSON.stringify(object) + "\\n");
  const [url, exported, timeoutMs] = process.argv.slice(1);
  const start = performance.now();
  const module = await import(url);
  answer({ exports: Object.keys(module), importMs: performance.now() - start });
  for await (const line of createInterface({ input: process.stdin })) {
    const started = performance.now();
    const getRemainingTimeInMillis = () => Math.round(started + Number(timeoutMs) - performance.now());
    const context = { functionName: "test", awsRequestId: "1", getRemainingTimeInMillis };
    const ms = () => Math.round(performance.now() - started);
    try {
      answer({ result: await module[exported](JSON.parse(line), context), ms: ms() });
    } catch (error) {
      answer({ error: error.message, ms: ms() });
    }
  }
  await module.close?.();
`;

/** `env` is all that the process finds in its environment. */
export function lambdaProcess(
  { file, folder, exported }: Pick<Unpacked, "file" | "folder" | "exported">,
  env: Record<string, string>,
  { timeoutMs = 60_000 }: { timeoutMs?: number } = {},
): LambdaProcess {
  const args = ["--input-type=module", "--eval", RUNTIME];
  const child = spawn(
    process.execPath,
    [...args, pathToFileURL(file).href, exported, String(timeoutMs)],
    { cwd: folder, env, stdio: ["pipe", "pipe", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr] as Readable[]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const answers = linesOf(child.stdio[3] as Readable);
  const next = async <T>(): Promise<T> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`the process ended with ${await ended}:\n${output}`);
    return JSON.parse(value) as T;
  };
  const loaded = next<{ exports: string[]; importMs: number }>();
  loaded.catch(() => {});
  return {
    process: child,
    loaded,
    async invoke(event) {
      await loaded;
      (child.stdin as Writable).write(`${JSON.stringify(event)}\n`);
      return next();
    },
    stop() {
      (child.stdin as Writable).end();
      return ended;
    },
    output: () => output,
  };
}

async function* linesOf(stream: Readable): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  return undefined;
}

/** As Lambda sends messages whose publisher set nothing. */
export function batchOf(
  queue: string,
  events: readonly (object | string)[],
  headers: Record<string, number> | null = null,
): object {
  const records = events.map((event) => {
    const body = typeof event === "string" ? event : JSON.stringify(event);
    return {
      basicProperties: { headers, messageId: null, bodySize: body.length },
      redelivered: false,
      data: Buffer.from(body).toString("base64"),
    };
  });
  return { eventSource: "aws:rmq", rmqMessagesByQueue: { [`${queue}::/`]: records } };
}
