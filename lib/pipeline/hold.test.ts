import { describe, expect, test } from "vitest";
import { asked, message, setup, throws } from "../../tests/pipeline/setup.ts";
import { NotNowError, OutageError } from "./errors.ts";

describe("an outage", () => {
  test("is waited for, and spends no attempt", async () => {
    let probes = 0;
    const { run, calls, copies } = setup({
      apply: () => {
        if (probes < 5) throw new OutageError("down");
      },
      probe: () => {
        if (++probes < 5) throw new OutageError("down");
      },
    });

    expect(await run([message("a"), message("b")])).toEqual(["done", "done"]);
    expect(calls).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(copies).toEqual([]);
  });

  test("that outlasts the invocation hands the batch back untouched, and no claim stays", async () => {
    const down = throws(new OutageError("down"));
    const { run, copies, ledger } = setup({ apply: down, probe: () => down([]) });

    await expect(run([message("a", { attempt: 2 })])).rejects.toThrow("out of time");
    expect(copies).toEqual([]);
    expect(await ledger.look([asked("a")])).toEqual([undefined]);
  });

  test("that comes back while the sink is healthy is blamed on its message, found by halves", async () => {
    const { run, calls, copies } = setup({
      apply: (ids) => {
        if (ids.includes("bad")) throw new OutageError("so it says");
      },
    });

    expect(await run(["a", "b", "bad", "c"].map((id) => message(id)))).toEqual([
      "done",
      "done",
      "retry",
      "done",
    ]);
    expect(calls).toContainEqual(["a", "b"]);
    expect(copies).toEqual(["bad: attempt 2.1 in 5000"]);
  });

  test("of one message in a group spends no attempt: it is tried once more alone", async () => {
    const { run, calls } = setup({
      failure: new OutageError("so it says"),
      apply: (ids) => (ids.length > 1 ? ["x"] : []),
    });

    expect(await run([message("a"), message("x")])).toEqual(["done", "done"]);
    expect(calls).toEqual([["a", "x"], ["x"]]);
  });

  test("is what an unknown error is that hits every message of several groups", async () => {
    let down = true;
    const { run, copies } = setup({
      apply: () => {
        if (down) throw new Error("unheard of");
      },
      probe: () => {
        if (down) throw new Error("unheard of");
      },
    });
    await run([message("a")]);
    await run([message("b")]);
    await expect(run([message("c")])).rejects.toThrow("out of time");
    down = false;

    expect(await run([message("c")])).toEqual(["done"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: attempt 2.1 in 5000"]);
  });

  test("is not what messages are in that cannot be applied now, however many", async () => {
    let probes = 0;
    const { run, calls, copies } = setup({
      apply: throws(new NotNowError("nobody knows yet")),
      probe: () => void (probes += 1),
    });
    for (const id of ["a", "b", "c", "d"]) expect(await run([message(id)])).toEqual(["retry"]);

    expect(await run([message("a", { attempt: 2 })])).toEqual(["retry"]);
    expect(await run([message("a", { attempt: 3 })])).toEqual(["dead"]);
    expect({ probes, calls: calls.length }).toEqual({ probes: 0, calls: 6 });
    expect(copies.slice(-2)).toEqual(["a: attempt 3.1 in 30000", "a: dead, out of attempts"]);
  });

  test("is not what one poisonous message causes again and again", async () => {
    const { run, copies } = setup({ apply: throws(new Error("poison")) });
    await run([message("a")]);
    await run([message("a", { attempt: 2 })]);

    expect(await run([message("a", { attempt: 3 })])).toEqual(["dead"]);
    expect(copies.at(-1)).toBe("a: dead, out of attempts");
  });
});
