import { Hono, type Context } from "hono";
import * as z from "zod";
import { entityId } from "../../events/fields.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import { keyOf, type Keys } from "../../kit/http/keys.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/runtime/metrics.ts";
import type { Purchases } from "./purchases.ts";
import { recommend } from "./recommend.ts";
import { malformed, type Refusal, refusalOf, refusals } from "./refusals.ts";
import { kinds, type Vectors } from "./vectors.ts";

export type Deps = {
  keys: Pick<Keys, "tenantOf">;
  vectors: Vectors;
  purchases: Pick<Purchases, "of">;
  embedder: Embedder;
  metrics: Pick<Metrics, "registry">;
  log: Pick<Logger, "warn" | "error">;
  /** Epoch ms. */
  now: () => number;
};

/** For an answer, once the key is known. ms */
const ANSWER_MS = 5_000;

const limit = z
  .string()
  .regex(/^([1-9]\d?|100)$/, "must be a whole number from 1 to 100")
  .transform(Number)
  .prefault("10");

const recommendationsQuery = z.strictObject({ limit });
const searchQuery = z.strictObject({
  q: z.string("is required").trim().min(1, "is required").max(500, "may have 500 characters"),
  kind: z.enum(kinds, `must be one of ${kinds.join(", ")}`).default("product"),
  limit,
});

/** `GET /recommendations/{user_id}` and `GET /search`, about the tenant that the key belongs to. */
export function createApp(deps: Deps): Hono {
  const { keys, vectors, purchases, embedder, metrics, log, now } = deps;
  const app = new Hono();
  const onGraphFailure = (error: unknown) =>
    log.warn({ reason: nameOf(error) }, "recommends without the graph");

  app.get("/recommendations/:user_id", (c) =>
    answer(c, async (tenant, signal) => {
      const user = entityId.safeParse(c.req.param("user_id"));
      if (!user.success) return malformed("user_id: must be 1 to 200 characters");
      const query = read(c, recommendationsQuery);
      if ("status" in query) return query;
      const wanted = { tenant, user: user.data, limit: query.limit };
      const found = await recommend({ vectors, purchases, onGraphFailure }, wanted, signal);
      return { user_id: user.data, ...found };
    }),
  );

  app.get("/search", (c) =>
    answer(c, async (tenant, signal) => {
      const query = read(c, searchQuery);
      if ("status" in query) return query;
      const { q, kind, limit } = query;
      const [vector] = await embedder.embed([q], signal);
      const hits = await vectors.nearest({ tenant, kind, vector: vector!, limit }, signal);
      return { results: hits.map(({ facts, score }) => ({ ...facts, score })) };
    }),
  );

  /** Who asks, what they get, or why not. */
  async function answer(
    c: Context,
    work: (tenant: string, signal: AbortSignal) => Promise<object | Refusal>,
  ): Promise<Response> {
    try {
      const key = keyOf((name) => c.req.header(name));
      const tenant = key === undefined ? undefined : await keys.tenantOf(key);
      if (tenant === undefined) return refuse(c, refusals.unauthorized);
      const made = await work(tenant, AbortSignal.timeout(ANSWER_MS));
      return "status" in made ? refuse(c, made as Refusal) : c.json(made);
    } catch (error) {
      const refusal = refusalOf(error, now());
      if (refusal === refusals.unexpected) log.error({ err: error }, "could not answer a request");
      else log.warn({ reason: String(error) }, "could not answer a request");
      return refuse(c, refusal);
    }
  }

  app.get("/health/live", (c) => c.json({ status: "live" }));
  app.get("/health/ready", async (c) => {
    try {
      await vectors.check(AbortSignal.timeout(ANSWER_MS));
      return c.json({ status: "ready" });
    } catch (error) {
      return refuse(c, { ...refusals.vectorsUnavailable, message: String(error) });
    }
  });
  app.get("/metrics", async (c) =>
    c.text(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
  );
  const paths = [
    "/recommendations/:user_id",
    "/search",
    "/health/live",
    "/health/ready",
    "/metrics",
  ];
  for (const path of paths) {
    app.all(path, (c) => refuse(c, refusals.methodNotAllowed, { allow: "GET, HEAD" }));
  }
  app.notFound((c) => refuse(c, refusals.notFound));
  app.onError((error, c) => {
    log.error({ err: error }, "could not answer a request");
    return refuse(c, refusals.unexpected);
  });
  return app;
}

/** The query, or what is wrong with it. */
function read<T extends z.ZodType<object>>(c: Context, schema: T): z.infer<T> | Refusal {
  const { data, error } = schema.safeParse(c.req.query());
  if (data !== undefined) return data;
  const [issue] = error!.issues;
  const name = issue!.code === "unrecognized_keys" ? issue!.keys.join(", ") : issue!.path.join(".");
  const text = issue!.code === "unrecognized_keys" ? "is no parameter here" : issue!.message;
  return malformed(`${name}: ${text}`);
}

function refuse(c: Context, refusal: Refusal, headers: Record<string, string> = {}): Response {
  const { status, retryAfter, ...said } = refusal;
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  return c.json(said, status, headers);
}

/** Neo4j's messages may quote what was asked. */
function nameOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: unknown };
  return typeof code === "string" ? code : (name ?? "unknown");
}
