import { setTimeout as sleep } from "node:timers/promises";
import type { Request } from "./request.ts";

/** How it went; a reason stands in the stack's events. */
export type Outcome = { status: "SUCCESS" } | { status: "FAILED"; reason: string };

const ATTEMPTS = 3;
const ANSWER_MS = 5_000;
const PAUSE_MS = 1_000;
/** CloudFormation takes 4 KB in all. */
const MAX_REASON = 1_000;

/**
 * Tells CloudFormation, which waits for it. Throws when it could not be told: Lambda then invokes the
 * function again, and all it does may be repeated.
 */
export async function answer(request: Request, outcome: Outcome): Promise<void> {
  const { ResponseURL, StackId, RequestId, LogicalResourceId } = request;
  const body = Buffer.from(
    JSON.stringify({
      Status: outcome.status,
      ...(outcome.status === "FAILED" && { Reason: outcome.reason.slice(0, MAX_REASON) }),
      // Always the same: another would tell CloudFormation to delete the one before.
      PhysicalResourceId: LogicalResourceId,
      StackId,
      RequestId,
      LogicalResourceId,
    }),
  );
  for (let attempt = 1; ; attempt += 1) {
    try {
      await put(ResponseURL, body);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function put(url: string, body: Buffer): Promise<void> {
  // The signature covers an empty content type.
  const headers = { "content-type": "", "content-length": String(body.byteLength) };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(url, { method: "PUT", headers, body, signal });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`CloudFormation's answer was refused: ${response.status}`);
}
