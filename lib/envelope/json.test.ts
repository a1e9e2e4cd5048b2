import { expect, test } from "vitest";
import { canonicalJson, checkBounds, NotJsonError, parseJson } from "./envelope.ts";

const bytes = (text: string) => Buffer.from(text);
const bounds = (text: string) => checkBounds(JSON.parse(text));

test("reads JSON, with or without a byte order mark", () => {
  expect(parseJson(bytes('{"a":"ї"}'))).toEqual({ a: "ї" });
  expect(parseJson(bytes('\uFEFF{"a":1}'))).toEqual({ a: 1 });
});

test("refuses what is not UTF-8 or not JSON and quotes nothing of it", () => {
  const refused = (body: Uint8Array) => () => parseJson(body);

  expect(refused(Buffer.from([0x22, 0xff, 0x22]))).toThrow(NotJsonError);
  for (const text of ["", "{", "{'a':1}", "NaN", '{"secret":hunter2}', "[".repeat(200_000)]) {
    expect(refused(bytes(text))).toThrow("the body is not valid JSON");
  }
});

test("stops at a nesting bomb without overflowing the stack", () => {
  const bomb = "[".repeat(130_000) + "]".repeat(130_000);

  expect(checkBounds(parseJson(bytes(bomb)))).toEqual([
    { path: expect.any(String), message: "is nested deeper than 32 levels" },
  ]);
  expect(bounds("[".repeat(32) + "]".repeat(32))).toEqual([]);
});

test("refuses numbers that would silently become others", () => {
  expect(bounds('{"a":1e999}')[0]?.path).toBe("a");
  expect(bounds('{"a":[9007199254740993]}')[0]?.path).toBe("a.0");
  expect(bounds('{"a":-0,"b":0.1,"c":9007199254740991}')).toEqual([]);
});

test("refuses halves of surrogate pairs in strings and keys", () => {
  expect(bounds('{"a":"\\ud800"}')[0]?.path).toBe("a");
  expect(bounds('{"\\udc00":1}')).toHaveLength(1);
  expect(bounds('{"a":"\\ud83d\\ude00"}')).toEqual([]);
});

test("refuses __proto__ wherever it stands", () => {
  expect(bounds('{"data":{"__proto__":{"admin":true}}}')).toEqual([
    { path: "data.__proto__", message: "is a key that cannot be kept" },
  ]);
});

test("refuses long strings, long keys and too many values, and keeps its answer short", () => {
  expect(bounds(JSON.stringify({ a: "x".repeat(64 * 1024 + 1) }))[0]?.path).toBe("a");
  expect(bounds(JSON.stringify({ a: "x".repeat(64 * 1024) }))).toEqual([]);
  expect(bounds(JSON.stringify(Array(10_001).fill(0)))).toHaveLength(1);

  const [issue] = bounds(JSON.stringify({ ["k".repeat(100_000)]: 1 }));
  expect(issue?.path.length).toBeLessThanOrEqual(200);
  expect(bounds(JSON.stringify(Array(1_000).fill("\ud800")))).toHaveLength(50);
});

test("writes one text whatever the key order and number form", () => {
  const one = canonicalJson(JSON.parse('{"b":[1.0,-0,1e2,{"d":null,"c":"\\u0041"}],"a":true}'));

  expect(one).toBe('{"a":true,"b":[1,0,100,{"c":"A","d":null}]}');
  expect(canonicalJson(JSON.parse('{"a":true,"b":[1,0,100.0,{"c":"A","d":null}]}'))).toBe(one);
});

test("tells an array from an object with its indices", () => {
  expect(canonicalJson(["x"])).not.toBe(canonicalJson({ 0: "x" }));
});
