import { describe, expect, test } from "vitest";
import { asked } from "../../tests/contract/rows.ts";
import { openLedger } from "./open-ledger.ts";

const config = { LEDGER: "none" } as const;
const tools = { now: Date.now, random: Math.random, warn: () => undefined };

describe("without a ledger", () => {
  test("a repeatable consumer finds every row absent and every change written", async () => {
    const consumer = { name: "neo4j", repeatable: true };
    const ledger = await openLedger({ config, consumer, ...tools });
    const key = { tenant: "t", source: "shop", id: "a" };
    const to = { state: "done", rev: "1", digest: "d" } as const;

    expect(await ledger.swap([{ key, over: undefined, to }])).toEqual([{ written: true }]);
    expect(await ledger.look([asked(key), asked(key)])).toEqual([undefined, undefined]);
  });

  test("a consumer that would send twice refuses to start", async () => {
    const consumer = { name: "send.mail", repeatable: false };

    await expect(openLedger({ config, consumer, ...tools })).rejects.toThrow(
      "send.mail is not repeatable: without a ledger it would send twice. Set LEDGER=dynamodb or LEDGER=redis.",
    );
  });
});
