import { describe, expect, test } from "vitest";
import { asked, keyOf, message, setup, throws } from "../../tests/pipeline/setup.ts";
import type { Claimed, Ledger, Row } from "../ledger/ledger.ts";

/** Another process takes the claim of `a` over, and counts a crash. */
async function steal(ledger: Ledger, changes: Partial<Claimed> = {}): Promise<void> {
  const [row] = await ledger.look([asked("a")]);
  if (row?.state !== "claimed") throw new Error("there is no claim to steal");
  const stolen = { rev: "stolen", token: "thief:1", crashes: [row.token], ...changes };
  await ledger.swap([{ key: keyOf("a"), over: row, to: { ...row, ...stolen } }]);
}

async function put(ledger: Ledger, to: Row): Promise<void> {
  const [over] = await ledger.look([asked("a")]);
  await ledger.swap([{ key: keyOf("a"), over, to }]);
}

async function rowOf(ledger: Ledger): Promise<Row | undefined> {
  const [row] = await ledger.look([asked("a")]);
  return row;
}

const theirs = { token: "thief:1", crashes: [], sending: false };

describe("a claim that another process took over", () => {
  test("sends nothing", async () => {
    const world = setup({
      repeatable: false,
      beforeSend: async () => {
        await steal(world.ledger);
        return "send";
      },
    });

    await expect(world.run([message("a")])).rejects.toThrow("lost before the send");
    expect(world.calls).toEqual([]);
    expect(await rowOf(world.ledger)).toMatchObject(theirs);
  });

  test("records no send, and says so", async () => {
    const world = setup({ repeatable: false, apply: () => steal(world.ledger) });

    await expect(world.run([message("a")])).rejects.toThrow("before the send was recorded");
    expect(await rowOf(world.ledger)).toMatchObject({ state: "claimed", token: "thief:1" });
  });

  test("publishes nothing, and is no crash: its owner lives", async () => {
    const world = setup({
      apply: async () => {
        await steal(world.ledger);
        throw new Error("slow");
      },
    });

    await expect(world.run([message("a", { attempt: 2 })])).rejects.toThrow("the claim was lost");
    expect(world.copies).toEqual([]);
    expect(await rowOf(world.ledger)).toMatchObject(theirs);
  });

  test("after its copy was published leaves the row to the thief, and is no crash", async () => {
    const world = setup({
      apply: throws(new Error("reset")),
      publish: () => steal(world.ledger),
    });

    expect(await world.run([message("a", { attempt: 2 })])).toEqual(["retry"]);
    expect(await rowOf(world.ledger)).toMatchObject(theirs);
  });
});

describe("what a group forwards is recorded", () => {
  const row = { rev: "theirs", digest: "d" };
  const forwarded = { ...row, state: "forwarded", generation: 2 } as const;
  const recorded = { state: "forwarded", digest: "d", attempt: 2, generation: 2 };

  test.each<[string, Row]>([
    ["a lower row", { ...forwarded, attempt: 5, generation: 1 }],
    ["a dead one of a lower generation", { ...forwarded, attempt: "dead", generation: 1 }],
    ["a lower attempt", { ...forwarded, attempt: 1 }],
  ])("over %s", async (_name, theirRow) => {
    const world = setup({
      apply: async () => {
        await put(world.ledger, theirRow);
        throw new Error("reset");
      },
    });

    expect(await world.run([message("a", { generation: 2 })])).toEqual(["retry"]);
    expect(await rowOf(world.ledger)).toMatchObject(recorded);
  });

  test.each<[string, Row]>([
    ["done", { ...row, state: "done" }],
    ["done, of another event", { ...row, digest: "x", state: "done" }],
    ["the same attempt", { ...forwarded, attempt: 2 }],
    ["a higher attempt", { ...forwarded, attempt: 3 }],
    ["dead", { ...forwarded, attempt: "dead" }],
    ["forwarded, of another event", { ...forwarded, digest: "x", attempt: 5, generation: 1 }],
    ["a claim of another process", claimedBy("there:1")],
  ])("but not over %s", async (_name, theirRow) => {
    const world = setup({
      apply: async () => {
        await put(world.ledger, theirRow);
        throw new Error("reset");
      },
    });

    expect(await world.run([message("a", { generation: 2 })])).toEqual(["retry"]);
    expect(await rowOf(world.ledger)).toEqual(theirRow);
  });
});

describe("a release", () => {
  test("is over when the batch is thrown back", async () => {
    const world = setup({
      wrap: (plain) => ({
        ...plain,
        async swap(changes) {
          if (changes[0]?.to === undefined) await turns(20);
          return plain.swap(changes);
        },
      }),
      apply: () => {
        world.stop.abort();
        throw new Error("cut off");
      },
    });
    const again = { deliveryCount: 1 };
    const batch = [message("a", again), message("b", again), message("c", again)];

    await expect(world.run(batch)).rejects.toThrow("interrupted");
    const rows = await world.ledger.look(["a", "b", "c"].map(asked));
    expect(rows).toEqual([undefined, undefined, undefined]);
  });

  test("restores the row that its claim has replaced", async () => {
    const before: Row = {
      state: "forwarded",
      rev: "r",
      digest: "d",
      attempt: 2,
      generation: 1,
    };
    const world = setup({
      apply: () => {
        world.stop.abort();
        throw new Error("cut off");
      },
    });
    await put(world.ledger, before);

    await expect(world.run([message("a", { attempt: 2 })])).rejects.toThrow("interrupted");
    expect(await rowOf(world.ledger)).toMatchObject({ state: "forwarded", attempt: 2 });
  });
});

test("a sender's unknown errors are uncertain sends, however many: no outage", async () => {
  let probes = 0;
  const { run } = setup({
    repeatable: false,
    apply: throws(new TypeError("nobody knows this one")),
    probe: () => void (probes += 1),
  });
  for (const id of ["a", "b", "c", "d"]) expect(await run([message(id)])).toEqual(["uncertain"]);

  expect(probes).toBe(0);
});

function claimedBy(token: string): Claimed {
  return {
    state: "claimed",
    rev: "theirs",
    digest: "d",
    token,
    until: 9_000_000,
    attempt: 1,
    generation: 1,
    copy: undefined,
    deliveryCount: 0,
    crashes: [],
    sending: false,
    shared: false,
    beneath: undefined,
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
