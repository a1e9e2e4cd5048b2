import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type Lambda from "serverless-offline/lambda";
import type { LambdaFunction } from "serverless-offline/lambda";

/** The execution environments of functions: serverless-offline starts a worker thread for each. */
export type Environments = {
  /** Invokes a function. Rejects when its handler rejects, its time is over, or its worker ends. */
  invoke: (functionKey: string, event: object) => Promise<void>;
  /** Ends every worker that runs a batch, as a crash does. Returns their number. */
  crash: () => number;
  /** Ends all workers. */
  close: () => Promise<void>;
};

/** The environment of one LambdaFunction. */
type Environment = {
  worker: Worker | undefined;
  /** Called when the worker ends during a batch. */
  onEnd: ((error: Error) => void) | undefined;
};

/**
 * serverless-offline does not notice that a worker ended (after `process.exit` in a handler it waits for the
 * time-out), and exits when a worker throws outside its handler. So we watch each worker from its creation:
 * Node emits `worker` in the asynchronous context of the call that created it.
 */
export function environments(lambda: Lambda): Environments {
  const known = new Map<LambdaFunction, Environment>();
  const making = new AsyncLocalStorage<Environment>();
  process.on("worker", watch);

  function watch(worker: Worker): void {
    const environment = making.getStore();
    if (environment === undefined) return;
    environment.worker = worker;
    let thrown: Error | undefined;
    worker.on("error", (error) => (thrown = error));
    worker.once("exit", (code) => void ended(code).catch(() => {}));

    async function ended(code: number): Promise<void> {
      if (environment!.worker === worker) environment!.worker = undefined;
      // If the time-out ended it, that error is reported first.
      await nextTurn();
      const why = thrown === undefined ? `exit code ${code}` : thrown.message;
      environment!.onEnd?.(new Error(`its environment ended: ${why}`, { cause: thrown }));
    }
  }

  async function invoke(functionKey: string, event: object): Promise<void> {
    const one = lambda.get(functionKey);
    const environment = known.get(one) ?? { worker: undefined, onEnd: undefined };
    known.set(one, environment);
    one.setEvent(event);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    let crashed = false;
    environment.onEnd = (error) => {
      crashed = true;
      reject(error);
    };
    const handled = making.run(environment, () => one.runHandler());
    // After a crash this promise settles at the time-out, when nobody listens.
    handled.catch(() => {});
    try {
      await Promise.race([handled, ended]);
    } finally {
      environment.onEnd = undefined;
      if (crashed) {
        known.delete(one);
        await one.cleanup();
      }
    }
  }

  return {
    invoke,
    crash() {
      const busy = [...known.values()].flatMap(({ worker, onEnd }) => (onEnd && worker) ?? []);
      for (const worker of busy) void worker.terminate();
      return busy.length;
    },
    async close() {
      process.off("worker", watch);
      await lambda.cleanup();
    },
  };
}
