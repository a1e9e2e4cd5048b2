import { describe, expect, test } from "vitest";
import type { Claimed, Forwarded, Row } from "../ledger/ledger.ts";
import { decide, type Mode } from "./decide.ts";
import type { Delivery } from "./message.ts";

const NOW = 1_000;

const message = (changes: Partial<Delivery> = {}): Delivery => ({
  body: new Uint8Array(),
  attempt: 1,
  generation: 1,
  copy: 7,
  notBefore: undefined,
  deliveryCount: 0,
  suspect: false,
  firstFailedAt: undefined,
  ...changes,
});

const done = (digest = "d"): Row => ({ state: "done", rev: "r", digest });

const forwarded = (attempt: number | "dead", generation = 1, digest = "d"): Forwarded => ({
  state: "forwarded",
  rev: "r",
  digest,
  attempt,
  generation,
});

const claimed = (changes: Partial<Claimed> = {}): Claimed => ({
  state: "claimed",
  rev: "r",
  digest: "d",
  token: "other:1",
  until: NOW + 500,
  attempt: 1,
  generation: 1,
  copy: 8,
  deliveryCount: 0,
  crashes: [],
  sending: false,
  shared: false,
  beneath: undefined,
  ...changes,
});

const unreadable: Row = { state: "unreadable", rev: "r", digest: "", error: "no JSON" };

const over = { until: NOW };
const shared = { shared: true };
const ours = { token: "here:1" };
/** The copy that was claimed, delivered again. */
const back = message({ copy: 8, deliveryCount: 1 });

/** Decisions in one word each, as the table of docs/message-lifecycle.md has them. */
function verdict(row: Row | undefined, delivery: Delivery, mode: Mode): string {
  const decision = decide(row, { delivery, digest: "d" }, mode, { process: "here", now: NOW });
  switch (decision.kind) {
    case "group":
    case "alone":
      return decision.kind;
    case "settle":
      return decision.outcome.kind === "dead" ? decision.outcome.reason : decision.outcome.kind;
    case "claim": {
      const { crashes, sending, beneath } = decision;
      return [
        "claim",
        ...(crashes.length > 0 ? [`crashes ${crashes.join(",")}`] : []),
        ...(sending ? ["sending"] : []),
        ...(beneath ? [`over ${beneath.attempt}`] : []),
      ].join(" ");
    }
  }
}

describe("the truth table", () => {
  type Verdicts = [group: string, shared: string, alone: string, once: string];

  test.each<[string, Row | undefined, Delivery, ...Verdicts]>([
    ["none", undefined, message(), "group", "claim", "claim", "claim"],
    ["done, same digest", done(), message(), ...always("duplicate")],
    ["done, same digest, replayed", done(), message({ generation: 2 }), ...always("duplicate")],
    ["done, other digest", done("x"), message(), ...always("id reused")],
    ["forwarded, higher", forwarded(2), message(), ...always("superseded")],
    [
      "forwarded, higher generation",
      forwarded(1, 2),
      message({ attempt: 3 }),
      ...always("superseded"),
    ],
    ["forwarded dead", forwarded("dead"), message(), ...always("superseded")],
    [
      "forwarded, equal attempt",
      forwarded(2),
      message({ attempt: 2 }),
      "alone",
      "alone",
      "claim over 2",
      "claim over 2",
    ],
    [
      "forwarded, lower attempt",
      forwarded(2),
      message({ attempt: 3 }),
      "alone",
      "alone",
      "claim over 2",
      "claim over 2",
    ],
    [
      "forwarded, lower generation",
      forwarded(3),
      message({ generation: 2 }),
      "group",
      "claim over 3",
      "claim over 3",
      "claim over 3",
    ],
    [
      "forwarded dead, lower generation",
      forwarded("dead"),
      message({ generation: 2 }),
      "group",
      "claim over dead",
      "claim over dead",
      "claim over dead",
    ],
    ["forwarded, other digest", forwarded(2, 1, "x"), message(), ...always("id reused")],
    ["claimed, higher", claimed({ attempt: 2 }), message(), ...always("superseded")],
    [
      "claimed by this process",
      claimed({ ...ours, crashes: ["a:1"] }),
      message(),
      "alone",
      "alone",
      "claim crashes a:1",
      "claim crashes a:1",
    ],
    [
      "claimed by this process, shared",
      claimed({ ...ours, shared: true, crashes: ["a:1"], beneath: forwarded(1) }),
      message(),
      "alone",
      "claim crashes a:1 over 1",
      "claim crashes a:1 over 1",
      "claim crashes a:1 over 1",
    ],
    [
      "claimed by this process, shared, lower generation",
      claimed({ ...ours, shared: true, crashes: ["a:1"] }),
      message({ generation: 2 }),
      "alone",
      "alone",
      "claim",
      "claim",
    ],
    [
      "claimed by this process, sending",
      claimed({ ...ours, sending: true }),
      message(),
      "alone",
      "alone",
      "claim sending",
      "claim sending",
    ],
    ["claimed by another, running", claimed(), message(), ...always("defer")],
    ["claimed by another, shared, running", claimed(shared), message(), ...always("defer")],
    [
      "claimed by another, running, this very copy come back",
      claimed(),
      back,
      "defer",
      "alone",
      "claim crashes other:1",
      "defer",
    ],
    [
      "claimed by another, shared, running, this very copy come back",
      claimed({ ...shared, crashes: ["a:1"] }),
      back,
      "defer",
      "alone",
      "claim crashes a:1",
      "defer",
    ],
    [
      "claimed by another, running, same copy but not come back",
      claimed(),
      message({ copy: 8 }),
      ...always("defer"),
    ],
    [
      "claimed by another, running, another copy come back",
      claimed(),
      message({ copy: 9, deliveryCount: 1 }),
      ...always("defer"),
    ],
    [
      "claimed by another, shared, running, another copy come back",
      claimed(shared),
      message({ copy: 9, deliveryCount: 1 }),
      ...always("defer"),
    ],
    [
      "claimed by another, running, both without a copy number",
      claimed({ copy: undefined }),
      message({ copy: undefined, deliveryCount: 1 }),
      ...always("defer"),
    ],
    [
      "claimed by another, over",
      claimed({ ...over, crashes: ["a:1"], beneath: forwarded(1) }),
      message(),
      "alone",
      "alone",
      "claim crashes a:1,other:1 over 1",
      "claim crashes a:1,other:1 over 1",
    ],
    [
      "claimed by another, shared, over",
      claimed({ ...shared, ...over, crashes: ["a:1"], beneath: forwarded(1) }),
      message(),
      "alone",
      "alone",
      "claim crashes a:1 over 1",
      "claim crashes a:1 over 1",
    ],
    [
      "claimed by another, over, sending",
      claimed({ ...over, sending: true }),
      message(),
      "alone",
      "alone",
      "claim crashes other:1 sending",
      "claim crashes other:1 sending",
    ],
    [
      "claimed by another, shared, over, sending",
      claimed({ ...shared, ...over, sending: true }),
      message(),
      "alone",
      "alone",
      "claim sending",
      "claim sending",
    ],
    [
      "claimed, lower generation, running",
      claimed({ crashes: ["a:1"] }),
      message({ generation: 2 }),
      "defer",
      "alone",
      "claim",
      "defer",
    ],
    [
      "claimed, lower generation, over",
      claimed({ ...over, crashes: ["a:1"] }),
      message({ generation: 2 }),
      "alone",
      "alone",
      "claim",
      "claim",
    ],
    ["claimed, other digest, running", claimed({ digest: "x" }), message(), ...always("defer")],
    [
      "claimed, other digest, over",
      claimed({ digest: "x", ...over }),
      message(),
      ...always("id reused"),
    ],
    ["unreadable", unreadable, message(), ...always("unreadable ledger row")],
  ])("%s", (_name, row, delivery, ...expected) => {
    const modes = ["group", "shared", "alone", "once"] as const;
    expect(modes.map((mode) => verdict(row, delivery, mode))).toEqual(expected);
  });
});

test("defers a message before its time, but not one that is done", () => {
  const early = message({ attempt: 2, notBefore: NOW + 300 });

  expect(decide(undefined, { delivery: early, digest: "d" }, "alone", here)).toMatchObject({
    outcome: { kind: "defer", delayMs: 300, reason: "not before its time", error: "" },
  });
  expect(verdict(done(), early, "alone")).toBe("duplicate");
  expect(verdict(undefined, message({ notBefore: NOW }), "group")).toBe("group");
});

test.each(["d", "x"])(
  "defers behind a running claim of digest %s until its lease ends, as suspect from then on",
  (digest) => {
    const delivery = message();
    expect(decide(claimed({ digest }), { delivery, digest: "d" }, "group", here)).toMatchObject({
      outcome: { kind: "defer", delayMs: 500, reason: "claimed by another", suspect: true },
    });
  },
);

const here = { process: "here", now: NOW };

function always(text: string): [string, string, string, string] {
  return [text, text, text, text];
}
