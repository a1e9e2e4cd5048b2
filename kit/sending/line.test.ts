import { beforeEach, expect, test } from "vitest";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { type Lines, recipientLines } from "./line.ts";
import { RecipientBusyError } from "./transport.ts";

let now: number;
let lines: Lines;
beforeEach(() => {
  now = 1_000_000;
  lines = recipientLines({ now: () => now });
});

const to = (chat: string) => (id: string) => ({ tenant: "acme", source: "shop", id, to: chat });
const chat = to("1");

/** In how many ms it may be sent; 0 is now. */
function turn(message: ReturnType<typeof chat>): number {
  try {
    lines.requireTurn(message);
    return 0;
  } catch (error) {
    if (error instanceof RecipientBusyError) return error.notBefore - now;
    throw error;
  }
}
const refuse = (id: string, ms: number) =>
  lines.failed(chat(id), new RetryLaterError("429", now + ms));

test("nobody waits for a recipient who takes everything", () => {
  expect(turn(chat("a"))).toBe(0);
  lines.sent(chat("a"));
  expect(turn(chat("b"))).toBe(0);
});

test("the messages behind a refused one wait at the pace that the refusal shows", () => {
  lines.sent(chat("a"));
  now += 50;
  refuse("b", 20_000);
  expect(turn(chat("c"))).toBe(40_050);
  expect(turn(chat("d"))).toBe(60_100);
  expect(turn(to("2")("e"))).toBe(0);

  now += 20_100;
  expect(turn(chat("b"))).toBe(0);
  lines.sent(chat("b"));
  now += 19_950;
  // It comes at its time, but the one before was late.
  expect(turn(chat("c"))).toBe(100);
  now += 100;
  expect(turn(chat("c"))).toBe(0);
});

test("all go at once where only the first was told to wait", () => {
  refuse("a", 300_000);
  expect(turn(chat("b"))).toBe(300_000);
  expect(turn(chat("c"))).toBe(300_000);
  now += 300_000;
  for (const id of ["a", "b", "c"]) {
    expect(turn(chat(id))).toBe(0);
    lines.sent(chat(id));
  }
});

test("nobody overtakes, even if he comes back first", () => {
  refuse("a", 2_000);
  turn(chat("b"));
  now += 2_000;
  expect(turn(chat("b"))).toBe(1_000);
  expect(turn(chat("a"))).toBe(0);
  lines.sent(chat("a"));
  expect(turn(chat("b"))).toBe(0);
});

test("who is refused again is waited for again", () => {
  lines.sent(chat("a"));
  refuse("b", 2_000);
  expect(turn(chat("c"))).toBe(4_000);
  now += 2_000;
  refuse("b", 10_000);
  now += 2_000;
  expect(turn(chat("c"))).toBe(8_000 + 12_000);
});

test("who does not come back is waited for no longer than some seconds", () => {
  refuse("a", 2_000);
  turn(chat("b"));
  now += 7_000;
  expect(turn(chat("b"))).toBe(1_000);
  now += 1;
  expect(turn(chat("b"))).toBe(0);
});

test("who was refused for good is not waited for; who met an outage is", () => {
  refuse("a", 2_000);
  turn(chat("b"));
  now += 2_000;
  lines.failed(chat("a"), new OutageError("down"));
  expect(turn(chat("b"))).toBe(1_000);
  lines.failed(chat("a"), new PermanentError("blocked"));
  expect(turn(chat("b"))).toBe(0);
});

test("a penalty is no pace", () => {
  lines.sent(chat("a"));
  refuse("b", 3_600_000);
  expect(turn(chat("c"))).toBe(3_600_000);
});

test("the pace is forgotten once nobody waits and the recipient had a rest", () => {
  lines.sent(chat("a"));
  refuse("b", 20_000);
  now += 20_000;
  lines.sent(chat("b"));
  now += 5_000;
  expect(turn(chat("c"))).toBe(15_000);
  now += 15_000;
  expect(turn(chat("c"))).toBe(0);
  lines.sent(chat("c"));
  now += 20_000;
  expect(turn(chat("d"))).toBe(0);
  lines.sent(chat("d"));
  expect(turn(chat("e"))).toBe(0);
});
