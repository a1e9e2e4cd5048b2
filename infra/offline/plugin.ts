import type Lambda from "serverless-offline/lambda";
import { filterOf } from "../../lib/trigger/filter.ts";
import { poll } from "../../lib/host/poller.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";
import { rabbitConnection } from "../../lib/rabbit/connection.ts";
import { type Environments, environments } from "./environments.ts";
import { type Serverless, type Source, SourcesError, sourcesOf } from "./sources.ts";

/** Time in ms that a running batch gets at the end. */
const FINISH_MS = 6_000;

type Write = (text: string) => void;
type Utils = { log: { notice: Write; warning: Write; error: Write } };
type Hooks = Record<string, () => Promise<void>>;

/**
 * A plugin of the Serverless Framework: passes `rabbitmq` events to the functions that serverless-offline
 * runs. The container host's poller consumes them from a real broker.
 */
export default function offlineRabbitmq(
  serverless: Serverless,
  cliOptions: object,
  { log }: Utils,
): { hooks: Hooks } {
  const stopping = new AbortController();
  const handingBack = new AbortController();
  let sources: Source[] = [];
  let end = async () => {};

  async function read(): Promise<void> {
    try {
      sources = sourcesOf(serverless, process.env);
    } catch (error) {
      if (!(error instanceof SourcesError)) throw error;
      throw new serverless.classes.Error(error.message, "OFFLINE_RABBITMQ");
    }
  }

  async function start(): Promise<void> {
    for (const { queue } of sources.filter(({ enabled }) => !enabled)) {
      log.notice(`RabbitMQ ${queue}: disabled, messages stay in their queue`);
    }
    const enabled = sources.filter((source) => source.enabled);
    if (enabled.length === 0) return;

    const running = environments(await lambdaOf(serverless, cliOptions));
    const crash = () => {
      const count = running.crash();
      if (count > 0) log.notice(`RabbitMQ: ended ${count} environments in the middle of a batch`);
      else log.notice("RabbitMQ: no batch is running");
    };
    process.on("SIGUSR2", crash);
    const ended = Promise.all(enabled.map((source) => run(source, running)));
    end = async () => {
      stopping.abort(new Error("serverless-offline stops"));
      const handBack = () => handingBack.abort(new Error("serverless-offline stops"));
      const timer = setTimeout(handBack, FINISH_MS);
      await ended;
      clearTimeout(timer);
      process.off("SIGUSR2", crash);
      await running.close();
    };
  }

  async function run(source: Source, { invoke }: Environments): Promise<void> {
    const { functionKey, arn, queue, url, vhost, batchSize, windowMs, filterPatterns } = source;
    const lines = linesFor(queue, log);
    const connection = rabbitConnection({ url, name: `${functionKey} trigger`, log: lines });
    await poll(
      {
        connection,
        arn,
        queue,
        vhost,
        batchSize,
        windowMs,
        // As on Lambda, the first batch starts the environment.
        prepare: async () => {},
        // A lost channel does not stop a handler: the next batch waits for it.
        invoke: (event) => unlessAborted(invoke(functionKey, event), handingBack.signal),
        afterThrow: "whole batch",
        filter: filterPatterns && filterOf(filterPatterns),
        async onOversize({ error }) {
          log.error(
            `RabbitMQ ${queue}: dropped a message, unless the queue dead-letters: ${error}`,
          );
          return "reject";
        },
        onState: () => {},
        onTaken: () => {},
        onFiltered: () => {},
        onHandedBack: () => {},
        log: lines,
        random: Math.random,
      },
      { stop: stopping.signal, handBack: handingBack.signal },
    );
    await connection.close();
  }

  return {
    hooks: {
      // `serverless offline` alone would exit without telling its plugins.
      "before:offline:start": () => serverless.pluginManager.spawn("offline:start"),
      "before:offline:start:init": read,
      "offline:start:init": start,
      "before:offline:start:end": () => end(),
    },
  };
}

async function lambdaOf(serverless: Serverless, cliOptions: object): Promise<Lambda> {
  const { default: Emulator } = await import("serverless-offline/lambda");
  const { service } = serverless;
  const settings = service.custom?.["serverless-offline"] as object | undefined;
  const lambda = new Emulator(serverless, { ...settings, ...cliOptions });
  const functionKeys = service.getAllFunctions();
  lambda.create(
    functionKeys.map((functionKey) => ({
      functionKey,
      functionDefinition: service.getFunction(functionKey),
    })),
  );
  return lambda;
}

/** Prints the poller's log as lines on the terminal. */
function linesFor(queue: string, log: Utils["log"]) {
  const line = (write: Write) => (facts: unknown, text?: unknown) => {
    const { err } = facts as { err?: unknown };
    const why = err instanceof Error ? `: ${err.message}` : "";
    write(`RabbitMQ ${queue}: ${String(text)}${why}`);
  };
  return { info: line(log.notice), warn: line(log.warning), error: line(log.error) };
}
