import { afterEach, expect, test } from "vitest";
import { EXACT, type LiveShop, openShop } from "./live-shop.ts";
import { until } from "./rabbit-vhost.ts";

const KILLS = 5;
/** A Neo4j that has just been started takes its time for the first statements. */
const MS = 60_000;

let shop: LiveShop;
afterEach(() => shop.close());

test("five workers killed in mid-batch lose nothing and repeat nothing", async () => {
  shop = await openShop({ events: 3_000, args: ["--workers", "2", "--prefetch", "50"] });
  const posting = shop.post({ perSecond: 400 });

  const killed: number[] = [];
  for (let applied = 0; killed.length < KILLS;) {
    // Else the same message could be at hand each time, and a message that ends three workers is dead.
    const before = applied;
    await until("more is applied", async () => (applied = await shop.applied()) > before + 100, MS);
    await until("all workers are in mid-batch", allBusy, MS);
    const pids = await workers();
    const victim = pids[killed.length % pids.length]!;
    process.kill(victim, "SIGKILL");
    killed.push(victim);
  }
  await posting;

  expect(await shop.finish()).toEqual(EXACT);
  const died = shop.host.lines().filter(({ msg }) => msg === "a worker died");
  expect(died.map(({ end }) => end)).toEqual(killed.map(() => "SIGKILL"));
});

/** One that takes messages holds as many as it may, if there are more in the queue. */
async function allBusy(): Promise<boolean> {
  const status = await shop.host.status();
  return status?.functions["neo4j-projector"]?.ready === true && (await shop.waiting()) > 0;
}

async function workers(): Promise<number[]> {
  return (await shop.host.status())?.functions["neo4j-projector"]?.pids ?? [];
}
