import { Hono, type Context } from "hono";
import { MAX_BYTES } from "../../lib/envelope/envelope.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/runtime/metrics.ts";
import { apiKeyOf, type Keys, KeysUnavailableError } from "./keys.ts";
import { answerProblem, type Problem, problems } from "./problem.ts";

/** A request with a valid API key. */
export type Asked = {
  c: Context;
  /** The tenant of the key. */
  tenant: string;
  /** Logs an error and returns the caller's problem. `id`: the event that the error concerns. */
  failed: (error: unknown, id?: string) => Problem;
};

type Route = {
  method: "GET" | "POST";
  path: string;
  /** `problemOf` turns its errors into problems. */
  answer: (asked: Asked) => Promise<Response | Problem>;
  onAnswer?: (answer: { code: number; seconds: number }) => void;
};

/** The tools that the skeleton opens for a function. */
export type HttpTools = {
  keys: Pick<Keys, "tenantOf">;
  metrics: Metrics;
  log: Pick<Logger, "warn" | "error">;
};

/**
 * The skeleton of an HTTP function: checks keys, answers with RFC 9457 problems, and serves
 * `/health/live`, `/health/ready` and `/metrics`.
 */
export function createHttpApp({
  keys,
  metrics,
  log,
  routes,
  ready,
  problemOf,
}: HttpTools & {
  routes: readonly Route[];
  /** Why the function cannot work now. */
  ready: () => Problem | undefined | Promise<Problem | undefined>;
  /** The caller's problem for an error; undefined for an unexpected error. */
  problemOf: (error: unknown) => Problem | undefined;
}): Hono {
  const app = new Hono();

  function failed(error: unknown, id?: string): Problem {
    const expected =
      error instanceof KeysUnavailableError ? problems.keysUnavailable : problemOf(error);
    if (expected === undefined) log.error({ id, err: error }, "could not answer a request");
    else log.warn({ id, reason: String(error) }, "could not answer a request");
    return { ...(expected ?? problems.unexpected), ...(id !== undefined && { id }) };
  }

  async function answered(c: Context, answer: Route["answer"]): Promise<Response> {
    try {
      const key = apiKeyOf((name) => c.req.header(name));
      const tenant = key === undefined ? undefined : await keys.tenantOf(key);
      if (tenant === undefined) return answerProblem(c, problems.unauthorized);
      const made = await answer({ c, tenant, failed });
      return isProblem(made) ? answerProblem(c, made) : made;
    } catch (error) {
      return answerProblem(c, failed(error));
    }
  }

  for (const { method, path, answer, onAnswer } of routes) {
    app.on(method, path, async (c) => {
      const startedAt = performance.now();
      const response = await answered(c, answer);
      onAnswer?.({ code: response.status, seconds: (performance.now() - startedAt) / 1_000 });
      return response;
    });
  }
  app.get("/health/live", (c) => c.json({ status: "live" }));
  app.get("/health/ready", async (c) => {
    const problem = await ready();
    return problem === undefined ? c.json({ status: "ready" }) : answerProblem(c, problem);
  });
  app.get("/metrics", async (c) =>
    c.text(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
  );

  const own = ["/health/live", "/health/ready", "/metrics"];
  for (const { method, path } of [...routes, ...own.map((path) => ({ method: "GET", path }))]) {
    const allow = method === "GET" ? "GET, HEAD" : method;
    app.all(path, (c) => answerProblem(c, problems.methodNotAllowed, { allow }));
  }
  const paths = routes.map(({ method, path }) => `${method} ${path}`).join(" or ");
  app.notFound((c) => answerProblem(c, { ...problems.notFound, detail: `send ${paths}` }));
  app.onError((error, c) => answerProblem(c, failed(error)));
  return app;
}

/** Whether a step returned a problem instead of its result. */
export function isProblem(made: object): made is Problem {
  return "code" in made && "detail" in made;
}

const TOO_LARGE = { ...problems.tooLarge, detail: `the body may have ${MAX_BYTES} bytes` };
const BROKEN_OFF = { ...problems.malformed, detail: "the body broke off" };

/**
 * Reads a JSON body of at most 256 KiB, or says why not. Refuses larger bodies without
 * buffering them, and gives up on a sender that takes longer than `timeoutMs`.
 */
export async function readBody(request: Request, timeoutMs: number): Promise<Uint8Array | Problem> {
  const { headers } = request;
  if (!isJson(headers)) return problems.notJson;
  const declared = headers.get("content-length");
  if (declared !== null && Number(declared) > MAX_BYTES) return TOO_LARGE;

  const slow = Promise.withResolvers<Problem>();
  const timer = setTimeout(() => slow.resolve(problems.slowBody), timeoutMs);
  // The HTTP parser enforces a declared length, so reading the body at once is safe.
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
