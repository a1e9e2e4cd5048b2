import { describe, expect, test } from "vitest";
import { START } from "../../tests/pipeline/fake-clock.ts";
import { message, setup } from "../../tests/pipeline/setup.ts";
import { RetryLaterError } from "./errors.ts";

const DAY = 86_400_000;

describe.each([true, false])(
  "a message that is told to retry later, repeatable: %s",
  (repeatable) => {
    const told = () => {
      throw new RetryLaterError("429", START + 12_000);
    };

    test("has the attempt that it had, however often it is told so", async () => {
      const { run, copies, firstFailures } = setup({ repeatable, apply: told });
      expect(await run([message("a", { attempt: 3, firstFailedAt: START - 5 })])).toEqual([
        "defer",
      ]);
      expect(await run([message("b")])).toEqual(["defer"]);
      expect(copies).toEqual([
        "a: attempt 3.1 in 12000 not before 12000",
        "b: attempt 1.1 in 12000 not before 12000",
      ]);
      // From then on the time counts after which it is dead.
      expect(firstFailures).toEqual([START - 5, START]);
    });

    test("is not applied before its time, and then is", async () => {
      let times = 0;
      const { run, calls, clock, copies } = setup({
        repeatable,
        apply: () => (times++ === 0 ? told() : undefined),
      });
      await run([message("a")]);
      const copy = message("a", { notBefore: START + 12_000, firstFailedAt: START });
      expect(await run([copy])).toEqual(["defer"]);
      expect(calls).toHaveLength(1);
      expect(copies.at(-1)).toBe("a: attempt 1.1 in 12000 not before 12000");

      clock.advance(12_000);
      expect(await run([copy])).toEqual(["done"]);
      expect(calls).toHaveLength(2);
    });

    test("is dead once it was told so for a day", async () => {
      const { run, copies } = setup({ repeatable, apply: told });
      const since = (ms: number) => message("a", { firstFailedAt: START - ms });
      expect(await run([since(DAY)])).toEqual(["defer"]);
      expect(await run([since(DAY + 1)])).toEqual(["dead"]);
      expect(copies.at(-1)).toBe("a: dead, told to retry later for too long");
    });
  },
);

describe("a lane", () => {
  test("is gone through in the order of delivery, side by side with others", async () => {
    let running = 0;
    let most = 0;
    const { run, calls, clock } = setup({
      repeatable: false,
      laneOf: (id) => id.slice(0, 1),
      async apply() {
        most = Math.max(most, ++running);
        await clock.sleep(100, new AbortController().signal);
        running -= 1;
      },
    });
    await run(["a1", "a2", "b1", "a3", "b2"].map((id) => message(id)));

    const of = (lane: string) => calls.flat().filter((id) => id.startsWith(lane));
    expect(of("a")).toEqual(["a1", "a2", "a3"]);
    expect(of("b")).toEqual(["b1", "b2"]);
    expect(most).toBe(2);
  });

  test("ends where another one fails", async () => {
    const { run, calls } = setup({
      repeatable: false,
      laneOf: (id) => id.slice(0, 1),
      apply: (ids) => {
        if (ids.includes("a1")) throw new RetryLaterError("429", START);
      },
      publish() {
        throw new Error("the broker is gone");
      },
    });
    await expect(run(["a1", "a2", "b1", "b2"].map((id) => message(id)))).rejects.toThrow("broker");
    expect(calls.flat()).not.toContain("a2");
    expect(calls.flat()).not.toContain("b2");
  });
});
