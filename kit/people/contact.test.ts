import { expect, test } from "vitest";
import { addressKey, isOptedOut, optOutField } from "./contact.ts";
import type { Document } from "./directory.ts";

const message = { channel: "email", kind: "order.shipped" } as const;
const all = optOutField("email");
const shipped = optOutField("email", "order.shipped");
const said = (second: number, value: boolean) => ({ stamp: `2026-11-20T10:00:0${second}Z`, value });

test.each<[string, (Document | undefined)[], boolean]>([
  ["nobody has said anything", [undefined, {}], false],
  ["the user wants none of the channel", [{ [all]: said(1, true) }], true],
  ["the user wants none of the kind", [{ [shipped]: said(1, true) }], true],
  ["the address wants none of the kind", [undefined, { [shipped]: said(1, true) }], true],
  ["of another kind", [{ [optOutField("email", "welcome")]: said(1, true) }], false],
  ["of another channel", [{ [optOutField("sms")]: said(1, true) }], false],
  [
    "the kind again after the channel",
    [{ [all]: said(1, true), [shipped]: said(2, false) }],
    false,
  ],
  ["the channel after the kind again", [{ [all]: said(2, true), [shipped]: said(1, false) }], true],
  [
    "the channel again after the kind",
    [{ [all]: said(2, false), [shipped]: said(1, true) }],
    false,
  ],
  ["the user after the address", [{ [all]: said(2, false) }, { [all]: said(1, true) }], false],
  ["the address after the user", [{ [all]: said(1, false) }, { [all]: said(2, true) }], true],
])("the newest word counts: %s", (_, documents, expected) => {
  expect(isOptedOut(documents, message)).toBe(expected);
});

test("spellings of one address are one key", () => {
  expect(addressKey("t", "email", " Olena@Example.COM")).toEqual(
    addressKey("t", "email", "olena@example.com"),
  );
  expect(addressKey("t", "sms", "+380 (44) 123-45-67")).toEqual(
    addressKey("t", "sms", "380441234567"),
  );
  expect(addressKey("t", "telegram", "42")).not.toEqual(addressKey("t", "sms", "42"));
});
