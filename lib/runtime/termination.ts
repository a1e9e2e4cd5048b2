/**
 * Aborts when the runtime tells this process to end (SIGTERM); what is still running then hands its work
 * back, and once it has ended `close` is called. Lambda says so only where an extension is
 * registered (CloudWatch Lambda Insights is one), at most 500 ms before it kills; elsewhere an environment
 * ends without a word. Listens from the first call on: the host, which has its own way to stop, never makes one.
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
      // Whatever fails now ends with the process.
      void Promise.allSettled([running()])
        .then(close)
        .catch(() => {});
    });
    return controller;
  }
  return () => (ending ??= listen()).signal;
}
