import { expect, test } from "vitest";
import type { LogFn } from "pino";
import { createMetrics } from "./metrics.ts";
import type { Consumer } from "../pipeline/consumer.ts";
import { OutageError } from "../pipeline/errors.ts";
import { observedSink } from "./journal.ts";

function opened() {
  const lines: { level: string; text: string; err?: unknown }[] = [];
  const write =
    (level: string): LogFn =>
    (line: unknown, text?: unknown) =>
      void lines.push({ level, text: String(text), ...(line as { err?: unknown }) });
  const state = { down: false };
  const answer = async () => {
    if (state.down) throw new OutageError("connection refused");
  };
  const consumer: Consumer = {
    name: "graph",
    repeatable: true,
    concurrency: 1,
    parse: () => {
      throw new Error("is not asked");
    },
    async apply() {
      await answer();
      return [];
    },
    probe: answer,
  };
  const log = { info: write("info"), warn: write("warn") };
  const sink = observedSink(consumer, { name: "graph", metrics: createMetrics(), log });
  return { sink, state, lines };
}

const running = () => new AbortController().signal;

test("the beginning and the end of an outage are logged, once each, with its error", async () => {
  const { sink, state, lines } = opened();
  await sink.apply([], running());
  state.down = true;
  for (let i = 0; i < 3; i++) await expect(sink.probe(running())).rejects.toThrow("refused");
  expect(lines).toEqual([
    {
      level: "warn",
      text: "the sink does not answer",
      function: "graph",
      err: new OutageError("connection refused"),
    },
  ]);

  state.down = false;
  await sink.probe(running());
  await sink.apply([], running());
  expect(lines.slice(1)).toEqual([
    { level: "info", text: "the sink answers again", function: "graph" },
  ]);
});

test("a probe that was interrupted is no outage", async () => {
  const { sink, state, lines } = opened();
  state.down = true;
  await expect(sink.probe(AbortSignal.abort())).rejects.toThrow("refused");
  expect(lines).toEqual([]);
});
