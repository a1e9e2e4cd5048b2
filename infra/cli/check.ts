import { exit } from "./errors.ts";
import { isExpected } from "./expected.ts";

/** The `--json` option of every check. */
export const CHECK_JSON = ["--json", 'print {"ready": boolean, "problems": string[]}'] as const;

/** The problems as a list: the message of the check's error, or nothing. */
export async function problemsOf(check: Promise<void>): Promise<string[]> {
  try {
    await check;
    return [];
  } catch (error) {
    if (!isExpected(error)) throw error;
    return [error.message];
  }
}

/** Prints the result of a check. Ends the command with exit code 1 if there is a problem. */
export function conclude({
  problems,
  ready,
  json,
}: {
  problems: readonly string[];
  /** What to print when there is no problem. */
  ready: string;
  json: boolean;
}): void {
  if (json) console.log(JSON.stringify({ ready: problems.length === 0, problems }));
  else if (problems.length === 0) console.log(ready);
  else console.error(problems.join("\n"));
  exit(problems.length === 0 ? 0 : 1);
}
