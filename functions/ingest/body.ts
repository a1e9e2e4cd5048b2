import { MAX_BYTES } from "../../lib/envelope/envelope.ts";

/** A request body that is not read to its end: too large, too slow, or broken off. */
export type Unread = "too large" | "too slow" | "broken off";

/**
 * Reads a body of at most 256 KiB. What declares or sends more is refused without being held; a
 * sender that takes longer than `timeoutMs` is given up.
 */
export async function readBody(request: Request, timeoutMs: number): Promise<Uint8Array | Unread> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > MAX_BYTES) return "too large";

  const slow = Promise.withResolvers<Unread>();
  const timer = setTimeout(() => slow.resolve("too slow"), timeoutMs);
  // A declared length is enforced by whoever parsed the request, so the quick way is safe.
  const reading = declared === null ? readStream(request, slow.promise) : readWhole(request);
  try {
    return await Promise.race([reading.catch((): Unread => "broken off"), slow.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function readWhole(request: Request): Promise<Uint8Array | Unread> {
  const body = new Uint8Array(await request.arrayBuffer());
  return body.byteLength > MAX_BYTES ? "too large" : body;
}

async function readStream(request: Request, stop: Promise<Unread>): Promise<Uint8Array | Unread> {
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();

  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await Promise.race([reader.read(), stop]);
    if (typeof next === "string" || size > MAX_BYTES) {
      reader.cancel().catch(() => {});
      return typeof next === "string" ? next : "too large";
    }
    if (next.done) return Buffer.concat(chunks);
    size += next.value.byteLength;
    chunks.push(next.value);
  }
}
