import { setTimeout as sleep } from "node:timers/promises";
import type { Request } from "./request.ts";

/** The result. The stack's events show the reason. */
export type Outcome = { status: "SUCCESS" } | { status: "FAILED"; reason: string };

const ATTEMPTS = 3;
const ANSWER_MS = 5_000;
const PAUSE_MS = 1_000;
/** CloudFormation accepts 4 KB in all. */
const MAX_REASON = 1_000;

/**
 * Sends the result to CloudFormation, which waits for it. Throws if that fails: Lambda then invokes the
 * function again, which is safe to repeat.
 */
export async function answer(request: Request, outcome: Outcome): Promise<void> {
  const { ResponseURL, StackId, RequestId, LogicalResourceId } = request;
  const body = Buffer.from(
    JSON.stringify({
      Status: outcome.status,
      ...(outcome.status === "FAILED" && { Reason: outcome.reason.slice(0, MAX_REASON) }),
      // Always the same: with another id, CloudFormation would delete the former resource.
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
  if (!response.ok) throw new Error(`CloudFormation refused the answer: ${response.status}`);
}
