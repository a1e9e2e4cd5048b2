import { hash } from "node:crypto";
import { stringify } from "uuid";

/**
 * A fingerprint of a vector: a hash of the point's id and the text. Equal fingerprints mean that the
 * vector has not changed. Two points never share one.
 */
export function fingerprintOf(point: string, text: string): string {
  return hash("sha256", `${point}\n${text}`, "base64url").slice(0, 16);
}

/**
 * The revision of a point: a hash of all its stamps, which decide its content, as a UUID. Writes are
 * conditional on it. Equal revisions mean equal content, and two points never share one. It is not a
 * number, because Qdrant compares numbers as floats.
 */
export function revisionOf(point: string, stamps: readonly string[]): string {
  // Version 8 (RFC 9562) is for UUIDs with custom content.
  const bytes = hash("sha256", [point, ...stamps].join("\n"), "buffer").subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return stringify(bytes);
}
