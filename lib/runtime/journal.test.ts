import { expect, test } from "vitest";
import type { Envelope } from "../envelope/envelope.ts";
import { createMetrics } from "./metrics.ts";
import type { Outcome, Settled } from "../pipeline/message.ts";
import { journal } from "./journal.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const event: Envelope = {
  id: "evt_1",
  type: "order.paid",
  source: "shop",
  timestamp: "2026-11-21T09:59:00.000000Z",
  tenant_id: "acme",
  data: { card: "s3cret" },
  metadata: { version: "1.0" },
};
const settled = (outcome: Outcome, read = true): Settled => ({
  delivery: {
    body: Buffer.from("s3cret"),
    attempt: 2,
    generation: 1,
    copy: undefined,
    notBefore: undefined,
    deliveryCount: 0,
    suspect: false,
    firstFailedAt: undefined,
  },
  event: read ? event : undefined,
  outcome,
});

function opened() {
  const lines: { level: string; line: Record<string, unknown>; text: string }[] = [];
  const write = (level: string) => (line: Record<string, unknown>, text: string) =>
    void lines.push({ level, line, text });
  const log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  let time = NOW;
  const metrics = createMetrics();
  const now = () => time;
  const book = journal({
    name: "graph",
    queue: "events.graph",
    size: 2,
    log: log as never,
    metrics,
    now,
  });
  return { book, lines, metrics, pass: (ms: number) => (time += ms) };
}

test("a batch that went well is one line", () => {
  const { book, lines, pass } = opened();
  pass(25);
  book.settled(settled({ kind: "done" }));
  book.settled(settled({ kind: "done" }));
  book.ended();

  expect(lines).toEqual([
    {
      level: "info",
      text: "batch settled",
      line: {
        function: "graph",
        queue: "events.graph",
        size: 2,
        outcomes: { done: 2 },
        duration_ms: 25,
        oldest_age_ms: 60_025,
      },
    },
  ]);
});

test("a message that is not done has a line that says why, and shows nothing of its body", () => {
  const { book, lines, pass } = opened();
  pass(10);
  const error = `TypeError: ${"x".repeat(600)}`;
  book.settled(settled({ kind: "dead", reason: "refused", error }));

  expect(lines).toEqual([
    {
      level: "error",
      text: "message dead",
      line: {
        function: "graph",
        id: "evt_1",
        source: "shop",
        type: "order.paid",
        tenant: "acme",
        attempt: 2,
        outcome: "dead",
        reason: "refused",
        error: error.slice(0, 500),
        duration_ms: 10,
      },
    },
  ]);
  expect(JSON.stringify(lines)).not.toContain("s3cret");
});

test("repeats are counted in the line of their batch and listed at level debug only", () => {
  const { book, lines } = opened();
  book.settled(settled({ kind: "duplicate" }));
  book.settled(settled({ kind: "duplicate" }));
  book.settled(settled({ kind: "superseded" }));
  book.ended();

  expect(lines.map(({ level, text }) => `${level}: ${text}`)).toEqual([
    "debug: message duplicate",
    "debug: message duplicate",
    "debug: message superseded",
    "info: batch settled",
  ]);
  expect(lines[3]!.line).toMatchObject({ outcomes: { duplicate: 2, superseded: 1 } });
});

test("an unreadable message and a batch handed back are told as such", async () => {
  const { book, lines, metrics } = opened();
  const failure = new Error("ledger away");
  book.settled(settled({ kind: "dead", reason: "unreadable event", error: "no JSON" }, false));
  book.ended(failure);

  expect(lines.map(({ level, text }) => `${level}: ${text}`)).toEqual([
    "error: message dead",
    "warn: batch handed back",
  ]);
  expect(lines[1]!.line).toMatchObject({ err: failure, outcomes: { dead: 1 } });
  const text = await metrics.registry.metrics();
  expect(text).toContain('warren_batches_total{function="graph",result="thrown"} 1');
  expect(text).toContain('warren_outcomes_total{function="graph",kind="dead"} 1');
});
