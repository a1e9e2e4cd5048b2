import fc from "fast-check";
import { contracts } from "../../events/catalogue.ts";

const odd = fc.oneof(
  fc.constantFrom(null, -0, 1e308, 2 ** 53, "", "\u0000", "\ud800", "__proto__", [], {}, true),
  fc.jsonValue(),
  fc.string({ unit: "binary", maxLength: 300 }),
);

/** A valid event of any type; without an id, so that each that is accepted gets its own. */
const whole = fc.constantFrom(...contracts).map(({ type, sample }): Record<string, unknown> => ({
  type,
  source: "web",
  timestamp: "2026-01-15T10:30:00Z",
  data: structuredClone(sample),
  metadata: { version: "1.0" },
}));

const withOddValue = fc
  .tuple(whole, fc.constantFrom("data", "metadata", ""), fc.nat(), odd, fc.boolean())
  .map(([event, part, at, value, isNew]) => {
    const target = (part === "" ? event : event[part]) as Record<string, unknown>;
    const keys = Object.keys(target);
    target[isNew ? `field_${at}` : (keys[at % keys.length] ?? "")] = value;
    return bytesOf(event);
  });

const withOddBytes = fc
  .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }))
  .map(([event, changes]) => {
    const bytes = bytesOf(event);
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });

const brokenOff = fc.tuple(whole, fc.nat()).map(([event, at]) => {
  const bytes = bytesOf(event);
  return bytes.subarray(0, at % bytes.length);
});

const noise = fc.uint8Array({ maxLength: 200 });

/** Events of every type in which values, keys and bytes were damaged; some are still valid. */
export const mutatedBodies = fc.oneof(
  { weight: 6, arbitrary: withOddValue },
  { weight: 3, arbitrary: withOddBytes },
  { weight: 1, arbitrary: brokenOff },
  { weight: 1, arbitrary: noise },
);

function bytesOf(event: object): Uint8Array {
  return Buffer.from(JSON.stringify(event));
}
