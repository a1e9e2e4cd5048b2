import { describe, expect, test } from "vitest";
import type { Received } from "../envelope/envelope.ts";
import { START } from "../../tests/pipeline/fake-clock.ts";
import { batchOf, message, setup, throws } from "../../tests/pipeline/setup.ts";
import { PermanentError, RetryLaterError } from "./errors.ts";

describe("a group", () => {
  test("is applied in one call and completed", async () => {
    const { run, calls, copies } = setup();

    expect(await run([message("a"), message("b")])).toEqual(["done", "done"]);
    expect(calls).toEqual([["a", "b"]]);
    expect(copies).toEqual([]);
  });

  test("leaves out what was done before, also by another process", async () => {
    const { run, start, calls } = setup();
    await run([message("a")]);

    expect(await run([message("a"), message("b")], start("there"))).toEqual(["duplicate", "done"]);
    expect(calls).toEqual([["a"], ["b"]]);
  });

  test("settles an empty batch", async () => {
    expect(await setup().run([])).toEqual([]);
  });

  test("applies two copies of an event once", async () => {
    const { run, calls } = setup();

    expect(await run([message("a"), message("a")])).toEqual(["done", "duplicate"]);
    expect(calls).toEqual([["a"]]);
  });

  test("keeps the same id of two tenants apart", async () => {
    const { run, calls } = setup();

    expect(await run([message("a"), message("a", { tenant: "u" })])).toEqual(["done", "done"]);
    expect(calls).toEqual([["a", "a"]]);
  });

  test("defers a second event under one id, and kills it once the first is done", async () => {
    const { run, copies } = setup();

    expect(await run([message("a"), message("a", { digest: "x" })])).toEqual(["done", "defer"]);
    expect(await run([message("a", { digest: "x" })])).toEqual(["dead"]);
    expect(await run([message("a")])).toEqual(["duplicate"]);
    expect(copies).toEqual(["a: attempt 1.1 in 5000", "a: dead, id reused"]);
  });

  test("sends what cannot be read to the dead letters, and the rest on", async () => {
    const { run, copies } = setup();
    const unreadable = { ...message("a"), body: new Uint8Array([0xff]) };

    expect(await run([unreadable, message("b")])).toEqual(["dead", "done"]);
    expect(copies).toEqual(["?: dead, unreadable event"]);
  });

  test("spends an attempt of each message when it fails for an unknown reason", async () => {
    const { run, copies } = setup({ apply: throws(new Error("reset")) });

    expect(await run([message("a"), message("b")])).toEqual(["retry", "retry"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: attempt 2.1 in 5000"]);
  });

  test("retries only the messages that its sink names", async () => {
    const { run, copies } = setup({ apply: () => ["b"] });

    expect(await run([message("a"), message("b"), message("c")])).toEqual([
      "done",
      "retry",
      "done",
    ]);
    expect(copies).toEqual(["b: attempt 2.1 in 5000"]);
  });

  test("comes back when its sink said, with all its attempts", async () => {
    const { run, copies, calls } = setup({
      apply: throws(new RetryLaterError("429", START + 12_000)),
    });

    expect(await run([message("a"), message("b")])).toEqual(["defer", "defer"]);
    expect(copies).toEqual([
      "a: attempt 1.1 in 12000 not before 12000",
      "b: attempt 1.1 in 12000 not before 12000",
    ]);
    expect(calls).toEqual([["a", "b"]]);
  });

  test("is halved when refused, until the culprit is alone and dead", async () => {
    const { run, calls, copies } = setup({
      apply: (ids) => {
        if (ids.includes("bad")) throw new PermanentError("constraint");
      },
    });
    const ids = ["a", "b", "bad", "c", "d"];

    expect(await run(ids.map((id) => message(id)))).toEqual([
      "done",
      "done",
      "dead",
      "done",
      "done",
    ]);
    expect(calls).toEqual([
      ["a", "b", "bad", "c", "d"],
      ["a", "b", "bad"],
      ["a", "b"],
      ["bad"],
      ["c", "d"],
      ["bad"],
    ]);
    expect(copies).toEqual(["bad: dead, refused"]);
  });

  test("does not multiply a forwarded message whose original is delivered again", async () => {
    const { run, copies } = setup({ apply: throws(new Error("reset")) });
    await run([message("a")]);

    expect(await run([message("a", { deliveryCount: 1 })])).toEqual(["superseded"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000"]);
  });

  test("is not taken for applied when nothing is thrown as an error", async () => {
    const { run, copies } = setup({ apply: () => Promise.reject<void>(undefined) });

    expect(await run([message("a"), message("b", { attempt: 3 })])).toEqual(["retry", "dead"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: dead, out of attempts"]);
  });

  test("is refused a failure of an event that it was not given", async () => {
    const { run } = setup();
    const stranger = { event: { id: "z" }, digest: "d" } as Received;
    const odd = batchOf({ apply: async () => [{ received: stranger, error: new Error("?") }] });

    expect(await odd([message("a")])).toEqual(["retry"]);
    expect(await run([message("a")])).toEqual(["done"]);
  });
});
