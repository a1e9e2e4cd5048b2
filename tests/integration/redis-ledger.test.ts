import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { run } from "../../infra/cli/program.ts";
import { environment } from "./lane.ts";
import type { Done } from "../../lib/ledger/ledger.ts";
import { openLedger } from "../../lib/ledger/open-ledger.ts";
import { redisClient } from "../../lib/ledger/redis-client.ts";
import { redisLedger } from "../../lib/ledger/redis-ledger.ts";
import { ledgerContract } from "../contract/ledger.ts";
import { asked } from "../contract/rows.ts";

const { REDIS_URL: url = "" } = environment;
const client = redisClient(url);
const redis = new Redis(url);
afterAll(() => {
  redis.disconnect();
  client.close();
});

const open = (consumer: string) => redisLedger({ client, consumer });

let latest = "";
const create = ({ consumer }: { consumer: string }) => open((latest = consumer));

ledgerContract("redisLedger", create, age);

/** Redis goes by its own clock: instead of time, what is left of the rows' time passes. */
async function age(ms: number): Promise<void> {
  const names = await redis.keys(`ledger#${latest}#*`);
  await Promise.all(names.map(async (name) => redis.pexpire(name, (await redis.pttl(name)) - ms)));
}

test("a full batch is read by 2 commands and written by 2", async () => {
  const ledger = open(`c-${randomUUID()}`);
  const keys = Array.from({ length: 1_000 }, (_, index) => ({
    tenant: "t",
    source: "shop",
    id: `${index}`,
  }));

  await redis.config("RESETSTAT");
  await ledger.look(keys.map(asked));
  await ledger.swap(keys.map((key, index) => ({ key, over: undefined, to: done(index) })));

  expect(await calls()).toMatchObject({ mget: 2 + 2, eval: 2 });
});

test("a row is a string that people can read, kept for 30 days by Redis' own clock", async () => {
  const consumer = `c-${randomUUID()}`;
  await open(consumer).swap([
    { key: { tenant: "acme", source: "shop", id: "#1" }, over: undefined, to: done(7) },
  ]);

  const name = `ledger#${consumer}#acme#shop#%231`;
  expect(await redis.get(name)).toBe("rev-7 digest");
  expect(await redis.ttl(name)).toBeGreaterThan(30 * 86_400 - 60);
  expect(await redis.ttl(name)).toBeLessThanOrEqual(30 * 86_400);
});

test.for([
  ["no row of ours", "x"],
  ["of an unknown state", 'rev {"state":"paused"}'],
] as const)("what is %s is unreadable, not absent, and costs no other row", async ([, text]) => {
  const consumer = `c-${randomUUID()}`;
  const keyOf = (id: string) => ({ tenant: "t", source: "shop", id });
  await redis.set(`ledger#${consumer}#t#shop#strange`, text, "EX", 60);
  await open(consumer).swap([{ key: keyOf("ours"), over: undefined, to: done(1) }]);

  expect(await open(consumer).look([keyOf("strange"), keyOf("ours")].map(asked))).toMatchObject([
    { state: "unreadable" },
    done(1),
  ]);
});

describe("openLedger", () => {
  const consumer = { name: "send.mail", repeatable: false };
  const tools = { now: Date.now, random: Math.random, warn: () => {} };

  test("opens the Redis of the configuration, and closes it", async () => {
    const config = { LEDGER: "redis", REDIS_URL: url } as const;
    const key = { tenant: "t", source: "shop", id: randomUUID() };

    const ledger = await openLedger({ config, consumer, ...tools });
    await ledger.swap([{ key, over: undefined, to: done(1) }]);
    expect(await open("send.mail").look([key].map(asked))).toEqual([done(1)]);

    ledger.close();
    await expect(ledger.look([key].map(asked))).rejects.toThrow("Connection is closed");
  });
});

describe("warren ledger check", () => {
  let said: string[];
  beforeEach(() => {
    said = [];
    vi.spyOn(console, "log").mockImplementation((line) => void said.push(line));
    vi.spyOn(console, "error").mockImplementation((line) => void said.push(line));
    vi.stubEnv("LEDGER", "redis");
    vi.stubEnv("REDIS_URL", url);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await redis.config("SET", "appendfsync", "always");
  });

  test("finds the Redis ready that the launcher made for a ledger", async () => {
    expect(await run(["ledger", "check"])).toBe(0);
    expect(said).toEqual(["The Redis of REDIS_URL is ready."]);
  });

  test.each(["everysec", "no"])("says of one that may forget what to set: %s", async (fsync) => {
    await redis.config("SET", "appendfsync", fsync);
    expect(await run(["ledger", "check"])).toBe(1);
    expect(said).toEqual([
      `It may forget rows: appendfsync ${fsync} forgets them at a power cut: set always.`,
    ]);
  });

  test("says in a line why one cannot be asked, without its password", async () => {
    vi.stubEnv("REDIS_URL", "redis://default:s3cret@127.0.0.1:1");
    expect(await run(["ledger", "check"])).toBe(1);
    expect(said).toEqual(["Redis at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1"]);
  });
});

/** How often each command was called, also by a script. */
async function calls(): Promise<Record<string, number>> {
  const lines = (await redis.info("commandstats")).matchAll(/^cmdstat_(\w+):calls=(\d+)/gm);
  return Object.fromEntries([...lines].map(([, name, count]) => [name, Number(count)]));
}

function done(index: number): Done {
  return { state: "done", rev: `rev-${index}`, digest: "digest" };
}
