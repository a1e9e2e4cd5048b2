import { randomFillSync } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { utcOf } from "../../lib/envelope/timestamp.ts";

/** Random bytes for 256 ids at a time: a system call for each would be a twentieth of a request. */
const POOL_BYTES = 4_096;

/**
 * Makes `evt_<uuidv7>` (RFC 9562 §5.7). Ids of one process ascend, also within a millisecond, so that
 * events it stamps with the same time keep their order.
 */
export function eventIds(now: () => number): () => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let msecs = 0;
  let seq = 0;

  return () => {
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.subarray(used, (used += 16));
    const time = now();
    seq = time > msecs ? 0 : seq + 1;
    msecs = Math.max(time, msecs);
    return `evt_${uuidv7({ msecs, seq, random })}`;
  };
}

/** The time within such an id as fixed-width UTC; `undefined` for ids of another make. */
export function timeOf(id: unknown): string | undefined {
  const [, high, low] =
    (typeof id === "string" ? /^evt_([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-/.exec(id) : null) ??
    [];
  return high === undefined ? undefined : utcOf(Number.parseInt(`${high}${low}`, 16));
}
