/** Settles as `work` does, or rejects with the signal's reason; `work` itself goes on. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The same with a deadline: rejects after `ms` with an error that names `what`. */
export async function within<T>(
  ms: number,
  what: string,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`${what} took longer than ${ms} ms`)), ms);
  const stop = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  try {
    return await unlessAborted(work, stop);
  } finally {
    clearTimeout(timer);
  }
}
