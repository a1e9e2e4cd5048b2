import { hash } from "node:crypto";
import { stringify } from "uuid";

/**
 * Names what a vector was made of, and is no other point's: comparing fingerprints tells whether a
 * vector is still the one that somebody has seen.
 */
export function fingerprintOf(point: string, text: string): string {
  return hash("sha256", `${point}\n${text}`, "base64url").slice(0, 16);
}

/**
 * Names a point's whole content by the stamps that decide it, as a UUID. It is what a write is guarded
 * by: no other point has it, and a point that has it again has the same content again. No number,
 * because Qdrant compares numbers as floats.
 */
export function revisionOf(point: string, stamps: readonly string[]): string {
  // A UUID of our own making: version 8 (RFC 9562).
  const bytes = hash("sha256", [point, ...stamps].join("\n"), "buffer").subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return stringify(bytes);
}
