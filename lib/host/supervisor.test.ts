import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { logger } from "../log.ts";
import { type Supervisor, supervise } from "./supervisor.ts";

/** Each process loads for a second, and longer on a busy machine. */
const SLOW = { timeout: 60_000, interval: 20 };
/** The longest first pause. */
const FIRST_MS = 250;

let folder: string;
let supervisor: Supervisor;
let pauses: number[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warren-supervisor-"));
  pauses = [];
});
afterEach(async () => {
  supervisor.stop();
  await supervisor.ended;
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** Supervises a function that runs every 20 ms; its body may use `lives`, the number of its processes so far. */
async function run(body: string): Promise<void> {
  const file = join(folder, "probe.ts");
  await writeFile(
    file,
    `import { appendFileSync, readFileSync } from "node:fs";
    appendFileSync(${JSON.stringify(join(folder, "lives"))}, "|");
    const lives = readFileSync(${JSON.stringify(join(folder, "lives"))}).length;
    let calls = 0;
    export const handler = async () => { calls += 1; ${body} };`,
  );
  const log = logger({ level: "silent", name: "test" });
  log.error = (fields: { pause_ms?: number }) => {
    if (fields.pause_ms !== undefined) pauses.push(fields.pause_ms);
  };
  supervisor = supervise({
    specs: [
      {
        function: {
          name: "probe",
          file,
          exported: "handler",
          timeoutMs: 5_000,
          trigger: { kind: "schedule", everyMs: 20 },
        },
        index: 0,
        prefetch: undefined,
        bind: "127.0.0.1",
        portOffset: 0,
        graceMs: 5_000,
      },
    ],
    graceMs: 5_000,
    log,
    random: () => 0,
  });
}

test.each(["SIGKILL", "SIGTERM"] as const)(
  "a worker that somebody ends with %s again and again is replaced after the shortest pause",
  { timeout: SLOW.timeout },
  async (signal) => {
    // Nothing succeeds, so only the signal says that the function is not at fault.
    await run(`throw new Error("not now");`);
    for (let deaths = 1; deaths <= 3; deaths += 1) {
      await vi.waitFor(() => expect(supervisor.workers[0]?.ready).toBe(true), SLOW);
      process.kill(supervisor.workers[0]!.pid!, signal);
      await vi.waitFor(() => expect(pauses).toHaveLength(deaths), SLOW);
    }
    expect(pauses).toEqual([FIRST_MS, FIRST_MS, FIRST_MS]);
  },
);

test(
  "a worker that ends itself waits twice as long each time, until one has settled something",
  { timeout: SLOW.timeout },
  async () => {
    // The fourth process succeeds once before it ends.
    await run(`if (lives < 4 || calls === 2) process.exit(1);`);
    await vi.waitFor(() => expect(pauses).toHaveLength(4), SLOW);
    expect(pauses).toEqual([FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS, FIRST_MS]);
  },
);

test(
  "a worker leaves the next one what it has compiled before anybody can kill it",
  { timeout: SLOW.timeout },
  async () => {
    const compiled = join(folder, "compiled");
    vi.stubEnv("NODE_COMPILE_CACHE", compiled);
    await run("");
    await vi.waitFor(() => expect(supervisor.workers[0]?.ready).toBe(true), SLOW);
    process.kill(supervisor.workers[0]!.pid!, "SIGKILL");
    await vi.waitFor(() => expect(pauses).toHaveLength(1), SLOW);

    const files = await readdir(compiled, { recursive: true });
    expect(files.length).toBeGreaterThan(100);
  },
);
