/** The command line is wrong: exit code 2. The message says what would be right. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The command could not do its work: exit code 1. The message says why. */
export class FailedError extends Error {
  override name = "FailedError";
}

/** The command has already printed its result. This error only carries the exit code. */
export class ExitError extends Error {
  override name = "ExitError";
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Ends an action with this exit code. */
export function exit(code: number): void {
  if (code !== 0) throw new ExitError(code);
}
