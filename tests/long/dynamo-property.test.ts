import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { dynamoLedger } from "../../lib/ledger/dynamo-ledger.ts";
import type { Key } from "../../lib/ledger/ledger.ts";
import { claimed } from "../contract/rows.ts";
import { createTable, endpoint } from "../integration/dynamo.ts";
import { dynamoProxy, passOn, type Fault } from "../integration/dynamo-proxy.ts";

/** What may happen to a request; whoever asked repeats it. */
const faults: Record<string, Fault> = {
  arrives: passOn,
  "is lost": ({ hangUp }) => hangUp(),
  "loses its answer": async ({ forward, hangUp }) => {
    await forward();
    hangUp();
  },
  "is throttled": ({ answer }) =>
    answer(400, { __type: "com.amazonaws.dynamodb.v20120810#ThrottlingException" }),
};

const call = fc.record({
  worker: fc.nat(2),
  kind: fc.constantFrom("complete", "complete", "look", "claim"),
  keys: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
  digest: fc.constantFrom("one-event", "another-event"),
  fresh: fc.boolean(),
});
/** Calls at the same moment, and what their first requests meet. */
const moment = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 3 }),
  // A client gives up after three.
  meets: fc.array(fc.constantFrom(...Object.keys(faults)), { maxLength: 2 }),
});

let table: string;
let remove: () => Promise<void>;
let proxy: Awaited<ReturnType<typeof dynamoProxy>>;

beforeAll(async () => {
  ({ table, remove } = await createTable());
  proxy = await dynamoProxy(endpoint);
});
afterAll(async () => {
  await proxy.close();
  await remove();
});

describe.each([true, false])("with done sets: %s", (doneSets) => {
  test("what was once completed or claimed is seen by all, and one event of an id is done", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(moment, { minLength: 1, maxLength: 8 }), async (moments) => {
        const consumer = randomUUID();
        // A client repeats requests as long as it has not had too many failures.
        const client = dynamoClient({ endpoint: proxy.endpoint });
        const tools = { client, table, now: Date.now, random: () => 0 };
        const open = () => dynamoLedger({ ...tools, consumer, doneSets, deadlineMs: 20_000 });
        const workers = [open(), open(), open()];
        const keys = Array.from({ length: 6 }, (_, index): Key => {
          const id = index < 3 ? v7({ msecs: Date.UTC(2030, 0, 1) }) : v7();
          return { tenant: "t", source: "shop", id };
        });
        /** By key: the digest of the event that is done. */
        const dones = new Map<number, string>();
        /** Who was told of that event. With sets both are told from then on, if both came at once. */
        const losers = new Set<string>();
        const claims = new Set<number>();
        const wrong: string[] = [];

        for (const { calls, meets } of moments) {
          // What was so before this moment must be seen in it.
          const before = new Map(dones);
          const claimedBefore = new Set(claims);
          const doubtful: number[] = [];
          proxy.play(...meets.map((name) => faults[name]!));
          await Promise.all(
            calls.map(async ({ worker, kind, keys: indexes, digest, fresh }) => {
              const ledger = workers[worker]!;
              if (kind === "complete") {
                const told = await ledger.complete(
                  indexes.map((index) => ({
                    key: keys[index]!,
                    over: undefined,
                    to: { state: "done", rev: randomUUID(), digest },
                  })),
                );
                indexes.forEach((index, i) => {
                  if (told[i] !== undefined) losers.add(`${index} ${digest}`);
                  if (losers.has(`${index} ${digest}`)) return;
                  if ((dones.get(index) ?? digest) !== digest)
                    wrong.push(`${index}: both are done`);
                  dones.set(index, digest);
                });
              } else if (kind === "look") {
                const rows = await ledger.look(
                  indexes.map((index) => ({ key: keys[index]!, digest, fresh })),
                );
                indexes.forEach((index, i) => {
                  const known = before.get(index);
                  const { state, digest: seen } = rows[i] ?? { state: "none", digest: "" };
                  if (known !== undefined && state !== "done") wrong.push(`${index}: is ${state}`);
                  if (known === digest && seen !== digest) doubtful.push(index);
                  if (claimedBefore.has(index) && state === "none") wrong.push(`${index}: none`);
                });
              } else {
                const verdicts = await ledger.swap(
                  indexes.map((index) => ({
                    key: keys[index]!,
                    over: undefined,
                    to: claimed({ digest }),
                  })),
                );
                indexes.forEach((index, i) => {
                  if (verdicts[i]?.written) claims.add(index);
                });
              }
            }),
          );
          for (const index of doubtful) {
            const isWorn = ["one-event", "another-event"].some((digest) =>
              losers.has(`${index} ${digest}`),
            );
            if (!isWorn) wrong.push(`${index}: another is done`);
          }
        }
        client.destroy();
        expect(wrong).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
