import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Counter, type Registry } from "prom-client";
import * as z from "zod";
import { port, readConfig, variables } from "../config.ts";
import type { RabbitMQEvent } from "../trigger/event.ts";
import type { Logger } from "../log.ts";
import type { Handler, Invoke } from "../runtime/context.ts";
import { rabbitConnection } from "../rabbit/connection.ts";
import { rabbitForward } from "../rabbit/forward.ts";
import { deliveryHeaders } from "../trigger/event.ts";
import { vhostOf } from "../rabbit/management.ts";
import { rabbitPublisher } from "../rabbit/publisher.ts";
import { sleep } from "../async/sleep.ts";
import type { Trigger } from "./declaration.ts";
import { filterOf } from "../trigger/filter.ts";
import { type App, serveApp } from "./http.ts";
import type { FromWorker, WorkerSpec } from "./messages.ts";
import { poll } from "./poller.ts";
import { runSchedule, type ScheduledEvent } from "./schedule.ts";

/** What a function's module exports: its handler under the declared name, and perhaps these. */
export type Module = Record<string, unknown> & {
  /** HTTP functions: what is served. */
  app?: App;
  /** Checks what a batch of this queue needs; called before any is taken. */
  prepare?: (queue: string) => Promise<void>;
  metrics?: { registry: Registry };
  close?: () => Promise<void>;
};

type Surroundings = {
  module: Module;
  spec: WorkerSpec;
  env: Record<string, string | undefined>;
  log: Logger;
  /** For what the host itself counts. */
  registry: Registry;
  tell: (message: FromWorker) => void;
  /** The handler outlived its time: ends the process. */
  onTimeout: (awsRequestId: string) => void;
  stop: AbortSignal;
  handBack: AbortSignal;
};

/** No broker has it: handlers do not read it, but the event has the key. */
const ARN = "arn:aws:mq:us-east-1:000000000000:broker:warren-host:b-0";

/** Reads all that the trigger needs, throwing what is wrong, and returns what runs it until `stop`. */
export function readyTrigger(around: Surroundings): () => Promise<void> {
  const { trigger } = around.spec.function;
  switch (trigger.kind) {
    case "queue":
      return readyQueue(trigger, around);
    case "http":
      return readyHttp(around);
    case "schedule":
      return readySchedule(trigger, around);
  }
}

function readyQueue(
  trigger: Extract<Trigger, { kind: "queue" }>,
  { module, spec, env, log, registry, tell, onTimeout, stop, handBack }: Surroundings,
): () => Promise<void> {
  const { queue, batchSize, windowMs, enabled, filterPatterns } = trigger;
  const { name, timeoutMs } = spec.function;
  const config = z.object({ RABBITMQ_URL: variables.RABBITMQ_URL });
  const { RABBITMQ_URL: url } = readConfig(config, env);
  const handler = handlerOf<RabbitMQEvent>(module, spec);
  const invoke = tellingOnce(
    invokeWith({ handler, functionName: name, timeoutMs, onTimeout }),
    tell,
  );
  const { redelivered, handedBack, filtered, oversize } = counters(registry, name);

  return async () => {
    if (!enabled) {
      tell({ kind: "loaded" });
      tell({ kind: "state", ready: true });
      log.info({ queue }, "the trigger is disabled: messages stay in their queue");
      if (!stop.aborted) await once(stop, "abort");
      return;
    }
    const connection = rabbitConnection({ url, name: `${name} trigger`, log });
    const publisher = rabbitPublisher({ url, name: `${name} host`, log });
    // Retry queues are for handlers: the host only ever dead-letters.
    const forward = rabbitForward({ publisher, queue, retryDelays: [] });
    tell({ kind: "loaded" });
    await poll(
      {
        connection,
        arn: ARN,
        queue,
        vhost: vhostOf(url),
        batchSize: Math.min(batchSize, spec.prefetch ?? batchSize),
        windowMs,
        prepare: async () => module.prepare?.(queue),
        invoke,
        afterThrow: "one by one",
        filter: filterPatterns && filterOf(filterPatterns),
        async onOversize({ body, headers, error }) {
          const delivery = { body, ...deliveryHeaders(headers) };
          const reason = "exceeds Lambda's 6 MB";
          log.error({ queue, bytes: body.byteLength, reason }, "message dead");
          const deadAt = Date.now();
          const letter = { reason, error, deadAt, firstFailedAt: deadAt };
          const copied = forward.deadLetter(delivery, letter).then(() => true);
          oversize.inc();
          if (await copied.catch((err) => log.warn({ queue, err }, "moved by the broker")))
            return "ack";
          // A copy of hundreds of MB takes too long, or is more than the broker accepts by now: the
          // queue's dead lettering moves the original.
          return "reject";
        },
        onState: (state) => tell({ kind: "state", ...state }),
        onTaken: (message) => message.redelivered && redelivered.inc(),
        onFiltered: () => filtered.inc(),
        onHandedBack: (count) => handedBack.inc(count),
        log,
        random: Math.random,
      },
      { stop, handBack },
    );
    await Promise.all([connection.close(), publisher.close()]);
  };
}

function readyHttp({ module, spec, env, log, tell, stop, handBack }: Surroundings) {
  const { app } = module;
  const { file, timeoutMs } = spec.function;
  const { PORT } = readConfig(z.object({ PORT: port.default(3_000) }), env);
  if (typeof app?.fetch !== "function") throw new Error(`${file} exports no app`);

  return () =>
    serveApp({
      app,
      // 0 takes a free one for each.
      port: PORT === 0 ? 0 : PORT + spec.portOffset,
      bind: spec.bind,
      timeoutMs,
      onListening(url) {
        tell({ kind: "loaded" });
        tell({ kind: "state", ready: true, url });
        log.info({ url }, "listening");
      },
      stop,
      handBack,
    });
}

function readySchedule(
  { everyMs }: Extract<Trigger, { kind: "schedule" }>,
  { module, spec, log, tell, onTimeout, stop, handBack }: Surroundings,
) {
  const { name, timeoutMs } = spec.function;
  const handler = handlerOf<ScheduledEvent>(module, spec);
  const invoke = tellingOnce(
    invokeWith({ handler, functionName: name, timeoutMs, onTimeout }),
    tell,
  );

  return () => {
    tell({ kind: "loaded" });
    tell({ kind: "state", ready: true });
    return runSchedule({
      everyMs,
      invoke,
      log,
      stop,
      handBack,
      now: () => performance.now(),
      sleep,
    });
  };
}

function tellingOnce<Event>(invoke: Invoke<Event>, tell: Surroundings["tell"]): Invoke<Event> {
  let isTold = false;
  return async (event, signal) => {
    await invoke(event, signal);
    if (!isTold) tell({ kind: "settled" });
    isTold = true;
  };
}

function handlerOf<Event>(module: Module, { function: { file, exported } }: WorkerSpec) {
  const handler = module[exported];
  if (typeof handler !== "function") throw new Error(`${file} exports no function ${exported}`);
  return handler as Handler<Event>;
}

function counters(registry: Registry, name: string) {
  const count = (suffix: string, help: string) => {
    const counter = new Counter({
      name: `warren_host_${suffix}`,
      help,
      labelNames: ["function"],
      registers: [registry],
    }).labels({ function: name });
    counter.inc(0);
    return counter;
  };
  return {
    redelivered: count("redelivered_total", "Messages that came again, whatever the reason."),
    handedBack: count("handed_back_total", "Messages that were given back to their queue."),
    filtered: count(
      "filtered_total",
      "Messages that no filter pattern matched: acked and dropped.",
    ),
    oversize: count("oversize_total", "Messages that no event can hold: with the dead letters."),
  };
}

/**
 * Calls a handler as Lambda does: with a context that knows the remaining time. `onTimeout` runs when
 * the time is over and the handler is not; it must end the process, since nothing can stop a handler.
 */
export function invokeWith<Event>({
  handler,
  functionName,
  timeoutMs,
  onTimeout,
}: {
  handler: Handler<Event>;
  functionName: string;
  timeoutMs: number;
  onTimeout: (awsRequestId: string) => void;
}): Invoke<Event> {
  return async (event, signal) => {
    const deadline = performance.now() + timeoutMs;
    const awsRequestId = randomUUID();
    const timer = setTimeout(() => onTimeout(awsRequestId), timeoutMs);
    const getRemainingTimeInMillis = () => Math.max(0, Math.round(deadline - performance.now()));
    try {
      await handler(event, { functionName, awsRequestId, getRemainingTimeInMillis, signal });
    } finally {
      clearTimeout(timer);
    }
  };
}
