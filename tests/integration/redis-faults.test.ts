import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { environment } from "./lane.ts";
import { freePorts } from "../../infra/service/ports.ts";
import {
  type Done,
  type Key,
  type Ledger,
  LEDGER_MS,
  LedgerUnavailableError,
  type Verdict,
} from "../../lib/ledger/ledger.ts";
import { openLedger } from "../../lib/ledger/open-ledger.ts";
import { type RedisClient, redisClient } from "../../lib/ledger/redis-client.ts";
import { redisLedger } from "../../lib/ledger/redis-ledger.ts";
import { until } from "./rabbit-vhost.ts";
import { kill, start } from "./services.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";
import { asked } from "../contract/rows.ts";

const { REDIS_URL: url = "" } = environment;
/** Not through the proxy. */
const admin = new Redis(url);
// It is killed here.
admin.on("error", () => {});
let proxy: TcpProxy;
let client: RedisClient;
let ledger: Ledger;
let count = 0;

beforeAll(async () => {
  const { hostname, port } = new URL(url);
  proxy = await tcpProxy({ host: hostname, port: Number(port) });
});
beforeEach(() => {
  client = redisClient(urlWith({ port: String(proxy.port) }));
  ledger = redisLedger({ client, consumer: `c-${randomUUID()}` });
});
afterEach(() => {
  proxy.restore();
  client.close();
});
afterAll(async () => {
  admin.disconnect();
  await proxy.close();
});

describe("what was carried out but not answered counts as written:", () => {
  test("a first write, a replacement and a removal of many", async () => {
    const { keys, dones, changes } = fresh(1_200);
    await ledger.look(keys.map(asked));
    await loseAnswer(3, () => ledger.swap(changes));
    expect(await ledger.look(keys.map(asked))).toEqual(dones);

    const to = done();
    const next = changes.slice(1, 3).map(({ key }, i) => ({ key, over: dones[1 + i], to }));
    await loseAnswer(1, () =>
      ledger.swap([...next, { key: keys[0]!, over: dones[0], to: undefined }]),
    );
    expect(await ledger.look(keys.slice(0, 4).map(asked))).toEqual([undefined, to, to, dones[3]]);
  });
});

describe("a call that cannot be answered ends in time, and the next one finds its way:", () => {
  const calls: [string, (one: Ledger) => Promise<unknown>][] = [
    ["a read", (one) => one.look(fresh(1_200).keys.map(asked))],
    ["a write", (one) => one.swap(fresh(1_200).changes)],
  ];

  test("a write, when Redis keeps silent", async () => {
    await ledger.look(fresh(1).keys.map(asked));
    proxy.silence();

    const { failure, ms } = await failureOf(() => ledger.swap(fresh(1_200).changes));
    expect(failure).toBeInstanceOf(LedgerUnavailableError);
    expect(String(failure)).toContain(`Redis at 127.0.0.1:${proxy.port}: `);
    expect(String(failure)).toContain("Socket timeout");
    expect(ms).toBeLessThan(LEDGER_MS + 500);

    proxy.restore();
    await ledger.look(fresh(1).keys.map(asked));
  });

  test.for(calls)("%s, when Redis is gone", async ([, call]) => {
    await call(ledger);
    proxy.cut();

    const { failure, ms } = await failureOf(() => call(ledger));
    expect(failure).toBeInstanceOf(LedgerUnavailableError);
    expect(ms).toBeLessThan(2_000);

    proxy.restore();
    await until("it answers again", () =>
      call(ledger).then(
        () => true,
        () => false,
      ),
    );
  });

  test("nobody listens", async () => {
    const nobody = redisClient("redis://127.0.0.1:1");
    const dead = redisLedger({ client: nobody, consumer: "c" });
    await expect(dead.swap(fresh(1).changes)).rejects.toThrow("ECONNREFUSED");
    nobody.close();
  });
});

test("a wrong password is named, and is in no error", async () => {
  const wrong = redisClient(urlWith({ password: "not-the-password" }));
  const { failure } = await failureOf(() =>
    redisLedger({ client: wrong, consumer: "c" }).look(fresh(1).keys.map(asked)),
  );
  wrong.close();

  expect(failure).toBeInstanceOf(LedgerUnavailableError);
  expect(String(failure)).toContain("WRONGPASS");
  expect(inspect(failure, { depth: 9 })).not.toContain("not-the-password");
});

test("rows survive a Redis that was killed, and the ledger finds it again", async () => {
  const { keys, dones, changes } = fresh(100);
  await ledger.swap(changes);
  await kill("redis");
  await expect(ledger.look(keys.map(asked))).rejects.toThrow(LedgerUnavailableError);
  await start("redis");

  await until("it is back", () =>
    ledger.look(keys.map(asked)).then(
      () => true,
      () => false,
    ),
  );
  expect(await ledger.look(keys.map(asked))).toEqual(dones);
});

describe("what Redis refuses is an outage:", () => {
  test("a write, when its memory is full, and is not sent again", async () => {
    const before = await run();
    await withConfig({ maxmemory: "1" }, async () => {
      await expect(ledger.swap(fresh(3).changes)).rejects.toThrow("OOM");
    });
    expect(await run()).toBe(before + 1);
    await ledger.swap(fresh(3).changes);
  });

  test("a write, when it has become a replica", async () => {
    const { keys, changes } = fresh(3);
    await ledger.look(keys.map(asked));
    await asReplica(async () => {
      await expect(ledger.swap(changes)).rejects.toThrow("READONLY");
    });
    await ledger.swap(changes);
  });
});

describe("a Redis that may evict or forget rows", () => {
  const config = { LEDGER: "redis", REDIS_URL: url } as const;
  const faults: [string, Record<string, string>, string, string?][] = [
    [
      "that evicts",
      { maxmemory: "1gb", "maxmemory-policy": "volatile-lru" },
      "maxmemory-policy volatile-lru evicts them when its memory is full: set noeviction",
    ],
    [
      "without an append-only file",
      { appendonly: "no" },
      "appendonly no forgets them at a restart: set appendonly yes",
    ],
    [
      "that leaves its disk to the system",
      { appendfsync: "no" },
      "appendfsync no forgets them at a power cut: set always",
      "appendfsync no forgets them at a power cut: set everysec or always",
    ],
  ];

  test.for(faults)("%s is refused to who would send twice, others are warned", async (fault) => {
    const [, settings, problem, problemOfOthers = problem] = fault;
    await withConfig(settings, async () => {
      expect(await opened(false)).toBe(
        `send.mail is not repeatable, and the Redis of its ledger may forget what was sent: ${problem}.`,
      );
      expect(await opened(true)).toEqual([
        `The Redis of the ledger may forget rows: ${problemOfOthers}. Until then repeats are recognised by the sink's own proof alone.`,
      ]);
    });
    expect(await opened(false)).toEqual([]);
  });

  test("that writes its file every second is refused to senders alone", async () => {
    await withConfig({ appendfsync: "everysec" }, async () => {
      expect(await opened(false)).toContain("appendfsync everysec forgets them at a power cut");
      expect(await opened(true)).toEqual([]);
    });
  });

  test("that never fills up may have any policy", async () => {
    await withConfig({ maxmemory: "0", "maxmemory-policy": "allkeys-lru" }, async () => {
      expect(await opened(false)).toEqual([]);
    });
  });

  test("that may fail over is refused too", async () => {
    await withConfig({ "repl-diskless-sync-delay": "0" }, () =>
      withReplica(async () => {
        expect(await opened(false)).toContain("with replicas (1) a failover forgets the last");
      }),
    );
  });

  test("that is a replica is refused to everybody", async () => {
    await asReplica(async () => {
      expect(await opened(true)).toContain("is a replica: REDIS_URL must lead to the primary");
    });
  });

  /** What was warned of, or why it was refused. */
  async function opened(repeatable: boolean): Promise<string[] | string> {
    const warnings: string[] = [];
    const consumer = { name: "send.mail", repeatable };
    const tools = {
      now: Date.now,
      random: Math.random,
      warn: (text: string) => warnings.push(text),
    };
    return openLedger({ config, consumer, ...tools }).then(
      (one) => {
        one.close();
        return warnings;
      },
      (error: Error) => error.message,
    );
  }
});

/** Cuts the connection when Redis has run the call's scripts, and nobody has heard of it. */
async function loseAnswer(scripts: number, call: () => Promise<Verdict[]>): Promise<void> {
  proxy.silence();
  const before = await run();
  const answer = call();
  await until("Redis has done it", async () => (await run()) === before + scripts);
  proxy.cut();
  proxy.restore();
  expect((await answer).filter(({ written }) => !written)).toEqual([]);
}

/** Scripts that were run. */
async function run(): Promise<number> {
  const [, calls] = /^cmdstat_eval:calls=(\d+)/m.exec(await admin.info("commandstats")) ?? [];
  return Number(calls ?? 0);
}

async function failureOf(call: () => Promise<unknown>): Promise<{ failure: unknown; ms: number }> {
  const started = performance.now();
  const failure = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  return { failure, ms: performance.now() - started };
}

/** New keys, their rows and the changes that write them. */
function fresh(size: number) {
  const keys = Array.from({ length: size }, (): Key => ({
    tenant: "t",
    source: "shop",
    id: `${count++}`,
  }));
  const dones = keys.map(() => done());
  const changes = keys.map((key, index) => ({ key, over: undefined, to: dones[index] }));
  return { keys, dones, changes };
}

function done(): Done {
  return { state: "done", rev: `rev-${count++}`, digest: "d" };
}

function urlWith(changes: { port?: string; password?: string }): string {
  return Object.assign(new URL(url), changes).href;
}

async function withConfig(settings: Record<string, string>, work: () => Promise<void>) {
  const names = Object.keys(settings);
  const before = await Promise.all(names.map((name) => admin.config("GET", name)));
  const old = before.map((pair) => (pair as string[])[1]!);
  for (const [name, value] of Object.entries(settings)) await admin.config("SET", name, value);
  try {
    await work();
  } finally {
    for (const [index, name] of names.entries()) await admin.config("SET", name, old[index]!);
  }
}

/** Of a primary that nobody can reach, so that it keeps its data. */
async function asReplica(work: () => Promise<void>): Promise<void> {
  await admin.replicaof("127.0.0.1", 1);
  try {
    await work();
  } finally {
    await admin.replicaof("NO", "ONE");
  }
}

/** Gives the tests' Redis a replica. */
async function withReplica(work: () => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "warren-replica-"));
  const [port] = await freePorts(1);
  const { hostname, port: primary, password } = new URL(url);
  const replica: ChildProcess = spawn("redis-server", ["-"], {
    cwd: folder,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(replica, "exit");
  replica.stdin?.end(
    `bind 127.0.0.1\nport ${port}\nsave ""\nreplicaof ${hostname} ${primary}\nmasterauth ${password}\n`,
  );
  const isThere = async () => (await admin.info("replication")).includes("state=online");
  try {
    await until("the replica is there", isThere);
    await work();
  } finally {
    replica.kill("SIGKILL");
    await ended;
    await until("the replica is gone", async () => !(await isThere()));
    await rm(folder, { recursive: true });
  }
}
