import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { type Slot, slotOf } from "./slot.ts";

describe("the slot of an id is the time inside it:", () => {
  test.for([
    // RFC 9562, appendix A.6
    ["UUIDv7", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", slot("2022-02-22T19:22:16Z", 6_144)],
    [
      "UUIDv7 with a prefix",
      `evt_${v7({ msecs: Date.UTC(2026, 10, 29, 4, 43, 31, 789) })}`,
      slot("2026-11-29T04:43:28Z", 3_879),
    ],
    // As functions/ingest makes them.
    [
      "an id of ingest",
      "evt_01a1fd8c-6900-7000-8000-000000000001",
      slot("2026-11-21T10:00:00Z", 0),
    ],
    ["ULID", "01HF7YAT00ABCDEFGHJKMNPQRS", slot("2023-11-14T22:13:20Z", 0)],
    [
      "ULID in small letters, with prefixes",
      "a_b_01hf7yat0zabcdefghjkmnpqrs",
      slot("2023-11-14T22:13:20Z", 31),
    ],
    ["KSUID", "368bzthgcJSXhRnPM7UKYK6H2va", slot("2025-11-29T04:43:28Z", 3, 3)],
  ] as const)("%s", ([, id, expected]) => {
    expect(slotOf(id)).toEqual(expected);
  });
});

describe("an id has no slot", () => {
  test.for([
    ["without a time", "order-1"],
    ["UUIDv4", "9f86d081-884c-4d65-9a2f-eaa0c55ad015"],
    ["of a time that was long ago: a KSUID of 2017", "0ujtsYcgvSTl8PAuAdqWYSMnLOv"],
    ["of a time to come", v7({ msecs: Date.UTC(2050, 0, 1) })],
    ["a Snowflake", "1541815603606036480"],
    ["UUIDv7 with something behind it", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F#1"],
    ["that has letters no ULID has", "01HF7YAT00ABCDEFGHIJKLMNOP"],
    ["that is empty", ""],
  ])("%s", ([, id]) => {
    expect(slotOf(id!)).toBeUndefined();
  });
});

/** Slots begin every 8 s; ids with milliseconds tell 8,192 parts apart, and those with seconds 8. */
function slot(start: string, part: number, bits = 13): Slot {
  return { start: Date.parse(start) / 1_000, part, bits };
}
