import { MAX_BYTES } from "../../lib/envelope/envelope.ts";
import { type Problem, problems } from "./problem.ts";

const TOO_LARGE = { ...problems.tooLarge, detail: `the body may have ${MAX_BYTES} bytes` };
const BROKEN_OFF = { ...problems.malformed, detail: "the body broke off" };

/**
 * Reads a JSON body of at most 256 KiB, or says why not. What declares or sends more is refused
 * without being held; a sender that takes longer than `timeoutMs` is given up.
 */
export async function readBody(request: Request, timeoutMs: number): Promise<Uint8Array | Problem> {
  const { headers } = request;
  if (!isJson(headers)) return problems.notJson;
  const declared = headers.get("content-length");
  if (declared !== null && Number(declared) > MAX_BYTES) return TOO_LARGE;

  const slow = Promise.withResolvers<Problem>();
  const timer = setTimeout(() => slow.resolve(problems.slowBody), timeoutMs);
  // A declared length is enforced by whoever parsed the request, so the quick way is safe.
  const reading = declared === null ? readStream(request, slow.promise) : readWhole(request);
  try {
    return await Promise.race([reading.catch((): Problem => BROKEN_OFF), slow.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** `application/json` or `application/<anything>+json`, in UTF-8, not compressed. */
function isJson(headers: Headers): boolean {
  const encoding = headers.get("content-encoding") ?? "identity";
  return (
    encoding.toLowerCase() === "identity" &&
    /^application\/(?:[\w.-]+\+)?json *(?:; *charset="?utf-8"? *)?$/i.test(
      headers.get("content-type") ?? "",
    )
  );
}

async function readWhole(request: Request): Promise<Uint8Array | Problem> {
  const body = new Uint8Array(await request.arrayBuffer());
  return body.byteLength > MAX_BYTES ? TOO_LARGE : body;
}

async function readStream(request: Request, slow: Promise<Problem>): Promise<Uint8Array | Problem> {
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();

  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await Promise.race([reader.read(), slow]);
    if ("code" in next || size > MAX_BYTES) {
      reader.cancel().catch(() => {});
      return "code" in next ? next : TOO_LARGE;
    }
    if (next.done) return Buffer.concat(chunks);
    size += next.value.byteLength;
    chunks.push(next.value);
  }
}
