import * as z from "zod";

/** As the host's admin server reports them. */
type Functions = Record<string, { ready: boolean; [fact: string]: unknown }>;

/** Asks an HTTP function itself: its process may run although its broker is down. */
export async function healthOf(functions: Functions): Promise<Functions> {
  const asked = Object.entries(functions).map(async ([name, facts]) => {
    if (typeof facts["url"] !== "string" || !facts.ready) return [name, facts] as const;
    const problem = await problemAt(`${facts["url"]}/health/ready`);
    return [name, problem === undefined ? facts : { ...facts, ready: false, problem }] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}

/** Part of a problem document (kit/http). */
const health = z.object({ detail: z.string() });

async function problemAt(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    if (answer.ok || answer.status === 404) return undefined;
    return health.parse(await answer.json()).detail;
  } catch {
    return "does not report whether it is ready";
  }
}
