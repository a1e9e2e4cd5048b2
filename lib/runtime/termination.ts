/**
 * Returns a signal that aborts on SIGTERM. The running batch then hands its work back; once it has ended,
 * `close` is called. Lambda sends SIGTERM only if an extension is registered (CloudWatch Lambda Insights
 * is one), at most 500 ms before it kills the process; otherwise an environment ends without notice.
 * Listens from the first call on. The host has its own way to stop and never calls it.
 */
export function termination({
  running,
  close,
}: {
  /** Settles when nothing runs any more. */
  running: () => Promise<unknown>;
  close: () => Promise<void>;
}): () => AbortSignal {
  let ending: AbortController | undefined;

  function listen(): AbortController {
    const controller = new AbortController();
    process.once("SIGTERM", () => {
      controller.abort(new Error("the runtime ends this process"));
      // The process ends anyway, so nobody handles an error.
      void Promise.allSettled([running()])
        .then(close)
        .catch(() => {});
    });
    return controller;
  }
  return () => (ending ??= listen()).signal;
}
