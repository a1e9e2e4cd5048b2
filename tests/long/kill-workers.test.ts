import { afterEach, expect, test } from "vitest";
import { EXACT, type LiveShop, openShop } from "../integration/live-shop.ts";
import { until } from "../integration/rabbit-vhost.ts";

const KILLS = 5;
/** More than two workers take ahead: none of them can be idle. */
const BACKLOG = 200;
/** A Neo4j that has just been started takes its time for the first statements. */
const MS = 60_000;

let shop: LiveShop;
afterEach(() => shop.close());

test("five workers killed in mid-batch lose nothing and repeat nothing", async () => {
  shop = await openShop({ events: 4_000, args: ["--workers", "2", "--prefetch", "50"] });
  const posting = shop.post({ perSecond: 250 });

  for (let kills = 0; kills < KILLS; kills += 1) await killInMidBatch(kills % 2);
  await posting;

  expect(await shop.finish()).toEqual(EXACT);
  const died = shop.host.lines().filter(({ msg }) => msg === "a worker died");
  expect(died.map(({ end }) => end)).toEqual(Array(KILLS).fill("SIGKILL"));
});

/** Kills the worker with this index, and sees its batch come again. */
async function killInMidBatch(index: number): Promise<void> {
  // Else one message could be at hand each time, and whatever ends three workers is a dead letter.
  await untilApplied(100);
  await until("all workers are ready", async () => (await projector()).ready, MS);
  const { pids } = await projector();
  await pileUp(pids);
  await untilApplied(1);

  const before: Record<string, number> = { ...(await redelivered()), [index]: 0 };
  process.kill(pids[index]!, "SIGKILL");
  const isBack = async () =>
    Object.entries(await redelivered()).some(([worker, count]) => count > (before[worker] ?? 0));
  await until("its batch comes again", isBack, MS);
}

async function untilApplied(more: number): Promise<void> {
  const before = await shop.applied();
  await until(`${more} more are applied`, async () => (await shop.applied()) >= before + more, MS);
}

/** Stops the workers for a moment, so that they have plenty to do when they go on. */
async function pileUp(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  await until("there is more to do", async () => (await shop.waiting()) > BACKLOG, MS);
  for (const pid of pids) process.kill(pid, "SIGCONT");
}

/** Messages that came again, by worker; a worker that was started anew counts from 0. */
function redelivered(): Promise<Record<string, number>> {
  return shop.counter("warren_host_redelivered_total");
}

async function projector(): Promise<{ ready: boolean; pids: readonly number[] }> {
  const status = (await shop.host.status())?.functions["neo4j-projector"];
  return { ready: status?.ready ?? false, pids: status?.pids ?? [] };
}
