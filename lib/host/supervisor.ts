import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../log.ts";
import { sleep } from "../async/sleep.ts";
import { backoff, type Backoff } from "../async/sleep.ts";
import { ALIVE_MS, EXIT, type FromWorker, type ToWorker, type WorkerSpec } from "./messages.ts";

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 30_000;
/** A worker that lived so long was well, even if it had nothing to do. */
const HEALTHY_MS = 30_000;
/** How far past its function's time-out a worker may be silent before it counts as hanging. */
const SILENCE_MS = 2 * ALIVE_MS;
/** The same before its first word: on a busy machine a dozen that load at once take half a minute. */
const LOADING_MS = 60_000;
const METRICS_MS = 2_000;
/** Half of a worker's start is compiling, unless another has left it here. The path is Node's own default. */
const COMPILED = { NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") };
/** How a worker ends that said why: its own words are kept as the problem. */
const REFUSED = `exit ${EXIT.config}`;
/** How a worker ends that was stopped before it listened to the signal: it has taken nothing. */
const UNSTARTED = "SIGTERM";
/** How a worker ends that an operator or the OOM killer ends: SIGTERM lets it exit with 0. */
const FROM_OUTSIDE = ["SIGKILL", "SIGTERM", "SIGHUP", "exit 0"];
/** How long after one function was refused the others may still report what is wrong with them. */
const VERDICT_MS = 5_000;

/** One of a function's processes as it is now. */
export type Worker = {
  readonly spec: WorkerSpec;
  /** Absent while it waits to be started again. */
  readonly pid: number | undefined;
  readonly ready: boolean;
  readonly problem: string | undefined;
  readonly url: string | undefined;
  readonly restarts: number;
};

export type Supervisor = {
  workers: readonly Worker[];
  /** prom-client's JSON of each worker that answers within 2 s. */
  metrics: () => Promise<{ worker: Worker; metrics: unknown[] }[]>;
  /** Ends all workers, by force after the grace time. */
  stop: () => void;
  /** The exit code, once all have ended. */
  ended: Promise<number>;
};

type Slot = {
  -readonly [K in keyof Worker]: Worker[K];
} & {
  child: ChildProcess | undefined;
  pauses: Backoff;
  verdict: "open" | "loaded" | "refused";
};

/**
 * Runs a process for each spec and starts again what dies. The pauses grow as long as no worker of the slot
 * settles anything, unless the process was at work and was ended from outside. A worker that refuses to
 * start before its function ever ran ends them all: its configuration would not get better.
 */
export function supervise({
  specs,
  graceMs,
  log,
  random,
}: {
  specs: readonly WorkerSpec[];
  /** From `stop` until what still runs is killed. */
  graceMs: number;
  log: Logger;
  /** In [0, 1). */
  random: () => number;
}): Supervisor {
  const stopping = new AbortController();
  const { signal } = stopping;
  const answers = new Map<number, (metrics: unknown[]) => void>();
  let requests = 0;
  let exitCode = 0;

  const slots = specs.map((spec): Slot => ({
    spec,
    child: undefined,
    pid: undefined,
    ready: false,
    problem: "starting",
    url: undefined,
    restarts: 0,
    pauses: backoff({ firstMs: FIRST_PAUSE_MS, lastMs: LAST_PAUSE_MS, random }),
    verdict: "open",
  }));

  async function keep(slot: Slot): Promise<void> {
    while (!signal.aborted) {
      const startedAt = performance.now();
      const { end, accusesNobody } = await runOnce(slot);
      if (slot.verdict === "refused") return refuse();
      if (signal.aborted) {
        if (end !== "exit 0" && end !== UNSTARTED) exitCode ||= 1;
        return;
      }
      if (accusesNobody || performance.now() - startedAt > HEALTHY_MS) slot.pauses.reset();
      const pauseMs = slot.pauses.next();
      log.error({ ...nameOf(slot), end, pause_ms: Math.round(pauseMs) }, "a worker died");
      if (end !== REFUSED) slot.problem = `died (${end}), is started again`;
      await sleep(pauseMs, signal).catch(() => {});
      slot.restarts += 1;
    }
  }

  /** Returns how it ended, and whether neither the function nor a message can be the cause. */
  function runOnce(slot: Slot): Promise<{ end: string; accusesNobody: boolean }> {
    const env = { ...COMPILED, ...process.env };
    const child = fork(join(import.meta.dirname, "worker.ts"), [JSON.stringify(slot.spec)], {
      env,
    });
    slot.child = child;
    slot.pid = child.pid;
    log.info({ ...nameOf(slot), pid: child.pid }, "a worker starts");

    const { timeoutMs } = slot.spec.function;
    let hung = false;
    const hangs = () => {
      hung = true;
      log.error({ ...nameOf(slot), pid: child.pid }, "a worker hangs and is killed");
      child.kill("SIGKILL");
    };
    const silenceMs = timeoutMs + SILENCE_MS;
    let watch = setTimeout(hangs, Math.max(LOADING_MS, silenceMs));
    child.on("message", (message: FromWorker) => {
      // Its last words may come behind its exit.
      if (slot.child === child) {
        clearTimeout(watch);
        watch = setTimeout(hangs, silenceMs);
      }
      hear(slot, message);
    });

    return new Promise((resolve) => {
      const end = (how: string) => {
        clearTimeout(watch);
        const accusesNobody = slot.ready && !hung && FROM_OUTSIDE.includes(how);
        Object.assign(slot, { child: undefined, pid: undefined, ready: false, url: undefined });
        resolve({ end: how, accusesNobody });
      };
      child.once("exit", (code, killedBy) => end(code === null ? `${killedBy}` : `exit ${code}`));
      child.on("error", (err) => {
        log.warn({ ...nameOf(slot), err }, "a worker cannot be started or reached");
        if (child.pid === undefined) end("not started");
      });
    });
  }

  function hear(slot: Slot, message: FromWorker): void {
    switch (message.kind) {
      case "loaded":
        slot.verdict = "loaded";
        return;
      case "refused":
        log.fatal({ ...nameOf(slot) }, message.message);
        slot.problem = message.message;
        // One that ran before is started again: its surroundings may be at fault.
        if (slot.verdict === "open") slot.verdict = "refused";
        return;
      case "state":
        slot.ready = message.ready;
        slot.problem = message.problem;
        slot.url = message.url;
        return;
      case "settled":
        slot.pauses.reset();
        return;
      case "alive":
        return;
      case "metrics":
        answers.get(message.request)?.(message.metrics);
    }
  }

  async function refuse(): Promise<void> {
    exitCode = EXIT.config;
    const deadline = performance.now() + VERDICT_MS;
    while (slots.some(({ verdict }) => verdict === "open") && performance.now() < deadline) {
      await sleep(50, signal).catch(() => {});
      if (signal.aborted) break;
    }
    stop();
  }

  function stop(): void {
    if (signal.aborted) return;
    stopping.abort();
    for (const { child } of slots) child?.kill("SIGTERM");
    const kill = setTimeout(() => {
      for (const slot of slots) {
        if (slot.child) log.error({ ...nameOf(slot) }, "a worker did not end in time: killed");
        slot.child?.kill("SIGKILL");
      }
    }, graceMs);
    void ended.then(() => clearTimeout(kill));
  }

  async function metrics() {
    const asked = slots.map(async (worker) => ({ worker, metrics: await ask(worker) }));
    const all = await Promise.all(asked);
    return all.flatMap(({ worker, metrics: some }) => (some ? [{ worker, metrics: some }] : []));
  }

  function ask({ child }: Slot): Promise<unknown[] | undefined> {
    if (!child?.connected) return Promise.resolve(undefined);
    const request = (requests += 1);
    return new Promise<unknown[] | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), METRICS_MS);
      answers.set(request, (some) => {
        clearTimeout(timer);
        resolve(some);
      });
      child.send({ kind: "metrics", request } satisfies ToWorker);
    }).finally(() => answers.delete(request));
  }

  const ended = Promise.all(slots.map(keep)).then(() => exitCode);
  return { workers: slots, metrics, stop, ended };
}

function nameOf({ spec }: Worker): { function: string; worker: number } {
  return { function: spec.function.name, worker: spec.index };
}
