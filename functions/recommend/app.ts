import type { Context, Hono } from "hono";
import * as z from "zod";
import { entityId } from "../../events/fields.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import { type Asked, createHttpApp, type HttpTools, isProblem } from "../../kit/http/http-app.ts";
import type { Problem } from "../../kit/http/problem.ts";
import type { Purchases } from "./purchases.ts";
import { recommend } from "./recommend.ts";
import { malformed, refusalOf, refusals } from "./refusals.ts";
import { kinds, type Vectors } from "./vectors.ts";

type Deps = HttpTools & {
  vectors: Vectors;
  purchases: Pick<Purchases, "of">;
  embedder: Embedder;
  /** Epoch ms. */
  now: () => number;
};

/** Time for an answer, after the key was checked. ms */
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

/** `GET /recommendations/{user_id}` and `GET /search`, with the data of the key's tenant. */
export function createApp({ vectors, purchases, embedder, now, ...tools }: Deps): Hono {
  const onGraphFailure = (error: unknown) =>
    tools.log.warn({ reason: nameOf(error) }, "recommends without the graph");

  async function recommendations({ c, tenant }: Asked): Promise<Response | Problem> {
    const user = entityId.safeParse(c.req.param("user_id"));
    if (!user.success) return malformed("user_id: must be 1 to 200 characters");
    const query = read(c, recommendationsQuery);
    if (isProblem(query)) return query;
    const found = await recommend(
      { vectors, purchases, onGraphFailure },
      { tenant, user: user.data, limit: query.limit },
      AbortSignal.timeout(ANSWER_MS),
    );
    return c.json({ user_id: user.data, ...found });
  }

  async function search({ c, tenant }: Asked): Promise<Response | Problem> {
    const query = read(c, searchQuery);
    if (isProblem(query)) return query;
    const { q, kind, limit } = query;
    const signal = AbortSignal.timeout(ANSWER_MS);
    const [vector] = await embedder.embed([q], signal);
    const hits = await vectors.nearest({ tenant, kind, vector: vector!, limit }, signal);
    return c.json({ results: hits.map(({ facts, score }) => ({ ...facts, score })) });
  }

  return createHttpApp({
    ...tools,
    routes: [
      { method: "GET", path: "/recommendations/:user_id", answer: recommendations },
      { method: "GET", path: "/search", answer: search },
    ],
    async ready() {
      try {
        await vectors.check(AbortSignal.timeout(ANSWER_MS));
        return undefined;
      } catch (error) {
        return { ...refusals.vectorsUnavailable, detail: String(error) };
      }
    },
    problemOf: (error) => refusalOf(error, now()),
  });
}

/** The parsed query, or a problem. */
function read<T extends z.ZodType<object>>(c: Context, schema: T): z.infer<T> | Problem {
  const { data, error } = schema.safeParse(c.req.query());
  if (data !== undefined) return data;
  const [issue] = error!.issues;
  const name = issue!.code === "unrecognized_keys" ? issue!.keys.join(", ") : issue!.path.join(".");
  const text = issue!.code === "unrecognized_keys" ? "is no parameter here" : issue!.message;
  return malformed(`${name}: ${text}`);
}

/** Only a code or name: Neo4j's messages may quote the query. */
function nameOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: unknown };
  return typeof code === "string" ? code : (name ?? "unknown");
}
