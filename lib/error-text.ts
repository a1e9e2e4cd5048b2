/** An error as people should read it: its name and message, never its stack. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The message alone, for a sentence that says what failed. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
