/** A worker process: runs one function on its trigger until SIGTERM. Started by supervisor.ts. */
import { flushCompileCache } from "node:module";
import { pathToFileURL } from "node:url";
import { Registry } from "prom-client";
import * as z from "zod";
import { ConfigError, readConfig, variables } from "../config.ts";
import { logger } from "../log.ts";
import {
  ALIVE_MS,
  EXIT,
  finishMs,
  type FromWorker,
  type ToWorker,
  type WorkerSpec,
} from "./messages.ts";
import { type Module, readyTrigger } from "./triggers.ts";

const spec = JSON.parse(process.argv[2]!) as WorkerSpec;
const { name, file, timeoutMs } = spec.function;
const stopping = new AbortController();
const handingBack = new AbortController();
const registry = new Registry();

// Whoever ends the whole group ends this process twice: the supervisor passes the signal on.
process.on("SIGTERM", stop);
// A terminal interrupts the whole group; the supervisor passes it on as SIGTERM.
process.on("SIGINT", () => {});
// Without a supervisor nobody would ever end this process.
process.once("disconnect", stop);

const { module, run } = await load();
process.on("message", (message: ToWorker) => void answer(message));
setInterval(() => tell({ kind: "alive" }), ALIVE_MS).unref();
await run().catch(refuse);
await module.close?.();
process.exit(0);

async function load(): Promise<{ module: Module; run: () => Promise<void> }> {
  try {
    const loaded = (await import(pathToFileURL(file).href)) as Module;
    const config = z.object({ LOG_LEVEL: variables.LOG_LEVEL });
    const { LOG_LEVEL } = readConfig(config, process.env);
    const log = logger({ level: LOG_LEVEL, name: "host" }).child({
      function: name,
      worker: spec.index,
    });
    const onTimeout = (awsRequestId: string) => {
      log.fatal({ awsRequestId, timeout_ms: timeoutMs }, "the handler exceeded its time-out");
      process.exit(EXIT.timeout);
    };
    const signals = { stop: stopping.signal, handBack: handingBack.signal };
    const around = { module: loaded, spec, env: process.env, log, registry, tell, onTimeout };
    return { module: loaded, run: readyTrigger({ ...around, ...signals }) };
  } catch (error) {
    refuse(error);
  }
}

/** Nothing but a change from outside will help: the supervisor must not try again. */
function refuse(error: unknown): never {
  const isConfig = error instanceof ConfigError;
  const text = error instanceof Error ? (isConfig ? error.message : error.stack) : String(error);
  tell({ kind: "refused", message: text ?? String(error) });
  process.exit(EXIT.config);
}

function stop(): void {
  if (stopping.signal.aborted) return;
  stopping.abort(new Error("the host stops"));
  const handBack = () => handingBack.abort(new Error("the host stops"));
  setTimeout(handBack, finishMs(spec.graceMs)).unref();
}

async function answer({ request }: ToWorker): Promise<void> {
  const registries = [registry, ...(module.metrics ? [module.metrics.registry] : [])];
  const all = await Promise.all(registries.map((one) => one.getMetricsAsJSON()));
  tell({ kind: "metrics", request, metrics: all.flat() });
}

function tell(message: FromWorker): void {
  // Everything is loaded by now. Node would keep it only at an orderly exit.
  if (message.kind === "state" && message.ready) flushCompileCache();
  if (process.connected) process.send?.(message);
}
