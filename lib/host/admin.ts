import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AggregatorRegistry, Gauge, Registry } from "prom-client";
import { urlOf } from "./http.ts";
import type { Supervisor, Worker } from "./supervisor.ts";

/** What `GET /status` answers, one entry per function. */
export type Status = { ready: boolean; functions: Record<string, FunctionStatus> };

type FunctionStatus = {
  /** All of its processes are at work. */
  ready: boolean;
  restarts: number;
  /** Why it is not ready. */
  problem?: string;
  /** Of a function with a queue. */
  queue?: string;
  /** Present and false when its trigger takes nothing. */
  enabled?: false;
  pids?: number[];
  /** Of the others: they have one process. */
  pid?: number;
  /** Of an HTTP function. */
  url?: string;
};

type Admin = { url: string; close: () => Promise<void> };

/**
 * Serves `/status`, `/health/live`, `/health/ready` and `/metrics` to whoever asks. The workers'
 * metrics come with a label `worker`, so that a counter that starts anew is seen as such.
 */
export async function serveAdmin({
  supervisor,
  port,
  bind,
}: {
  supervisor: Pick<Supervisor, "workers" | "metrics">;
  /** 0 takes a free one. */
  port: number;
  /** The address that it listens on. */
  bind: string;
}): Promise<Admin> {
  const server = createServer((request, response) => {
    answer(request.url ?? "").catch(() => send(response, 500, "text/plain", "failed\n"));

    async function answer(path: string): Promise<void> {
      const status = statusOf(supervisor.workers);
      switch (path) {
        case "/status":
          return send(response, 200, "application/json", JSON.stringify(status));
        case "/health/live":
          return send(response, 200, "text/plain", "live\n");
        case "/health/ready":
          return send(response, status.ready ? 200 : 503, "text/plain", readiness(status));
        case "/metrics":
          return send(response, 200, Registry.PROMETHEUS_CONTENT_TYPE, await metricsOf(supervisor));
        default:
          return send(response, 404, "text/plain", "/status /health/live /health/ready /metrics\n");
      }
    }
  });
  server.listen(port, bind);
  await once(server, "listening");

  return {
    url: urlOf(server.address() as AddressInfo),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function statusOf(workers: readonly Worker[]): Status {
  const names = [...new Set(workers.map(({ spec }) => spec.function.name))];
  const functions = Object.fromEntries(
    names.map((name) => {
      const own = workers.filter(({ spec }) => spec.function.name === name);
      return [name, functionStatus(own)];
    }),
  );
  return { ready: workers.every(({ ready }) => ready), functions };
}

function functionStatus(workers: readonly Worker[]): FunctionStatus {
  const [first] = workers;
  const trigger = first!.spec.function.trigger;
  const pids = workers.flatMap(({ pid }) => pid ?? []);
  const problem = workers.find(({ ready }) => !ready)?.problem;
  return {
    ...(first!.url !== undefined && { url: first!.url }),
    ...(trigger.kind === "queue" ? { pids, queue: trigger.queue } : pids[0] && { pid: pids[0] }),
    ...(trigger.kind === "queue" && !trigger.enabled && { enabled: false as const }),
    ready: workers.every(({ ready }) => ready),
    restarts: workers.reduce((sum, { restarts }) => sum + restarts, 0),
    ...(problem !== undefined && { problem }),
  };
}

function readiness({ functions }: Status): string {
  const lines = Object.entries(functions).map(
    ([name, { ready, problem }]) => `${name}: ${ready ? "ready" : (problem ?? "not ready")}\n`,
  );
  return lines.join("");
}

type Metric = { values?: { labels: Record<string, string | number> }[] };

async function metricsOf({
  workers,
  metrics,
}: Pick<Supervisor, "workers" | "metrics">): Promise<string> {
  const perWorker = await metrics();
  const labelled = perWorker.map(({ worker: { spec }, metrics: some }) => {
    for (const { values = [] } of some as Metric[]) {
      for (const value of values) {
        value.labels = { ...value.labels, worker: `${spec.function.name}-${spec.index}` };
      }
    }
    return some as object[];
  });
  const registry = AggregatorRegistry.aggregate(labelled) as Registry;
  addOwn(registry, workers);
  return registry.metrics();
}

function addOwn(registry: Registry, workers: readonly Worker[]): void {
  const registers = [registry];
  const labelNames = ["function"];
  const restarts = new Gauge({
    name: "warren_host_worker_restarts",
    help: "How often workers were started again since the host began.",
    labelNames,
    registers,
  });
  const ready = new Gauge({
    name: "warren_host_workers_ready",
    help: "Workers that are at work.",
    labelNames,
    registers,
  });
  for (const { spec, restarts: count, ready: isReady } of workers) {
    restarts.inc({ function: spec.function.name }, count);
    ready.inc({ function: spec.function.name }, isReady ? 1 : 0);
  }
}

function send(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, { "content-type": type }).end(body);
}
