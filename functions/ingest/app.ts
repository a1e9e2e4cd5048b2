import { Hono, type Context } from "hono";
import { checkEvent, FUTURE_MS, internalTypes } from "../../events/catalogue.ts";
import {
  checkBounds,
  InvalidEventError,
  MAX_BYTES,
  NotJsonError,
  parseJson,
  type Envelope,
  type Issue,
} from "../../lib/envelope/envelope.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/runtime/metrics.ts";
import type { RabbitMessage } from "../../lib/rabbit/publisher.ts";
import { readBody, type Unread } from "./body.ts";
import { keyOf, type Keys } from "../../kit/http/keys.ts";
import { normalise } from "./normalise.ts";
import { refusals, unavailable, type Refusal } from "./refusals.ts";

export type Deps = {
  /** Settles within 5 s; resolves once the broker has stored and routed the message (lib/rabbit). */
  publish: (message: RabbitMessage) => Promise<void>;
  /** Whether a message would be handed to the broker now. */
  ready: () => boolean;
  keys: Pick<Keys, "tenantOf">;
  metrics: Metrics;
  log: Pick<Logger, "warn" | "error">;
  /** A fresh `evt_<uuidv7>`. */
  newId: () => string;
  /** Epoch ms. */
  now: () => number;
  /** How long a request may take to arrive. */
  bodyTimeoutMs: number;
};

type Accepted = { envelope: Envelope; body: Buffer };

/**
 * The door: `POST /events` answers 202 once the broker holds the event, else it says what is wrong.
 * Whatever was or may have been published is answered with its id, so that the sender repeats it.
 */
export function createApp(deps: Deps): Hono {
  const { publish, ready, keys, metrics, log, newId, now, bodyTimeoutMs } = deps;
  const app = new Hono();

  app.post("/events", async (c) => {
    const started = performance.now();
    const response = await accept(c);
    metrics.request({ code: response.status, seconds: (performance.now() - started) / 1_000 });
    return response;
  });

  async function accept(c: Context): Promise<Response> {
    let id: string | undefined;
    try {
      const tenant = await tenantOf(c);
      if (tenant === undefined) return refuse(c, refusals.unauthorized);
      if (!isJson(c)) return refuse(c, refusals.notJsonType);

      const body = await readBody(c.req.raw, bodyTimeoutMs);
      if (typeof body === "string") return refuse(c, unread[body]);
      const read = open(body, c, tenant);
      if ("error" in read) return refuse(c, read);

      id = read.envelope.id;
      await publish(messageOf(read));
      return c.json({ id, status: "queued", type: read.envelope.type }, 202);
    } catch (error) {
      const refusal = unavailable(error);
      if (refusal === refusals.unexpected) {
        log.error({ id, err: error }, "could not accept an event");
      } else {
        log.warn({ id, reason: String(error) }, "an event was not taken");
      }
      return refuse(c, { ...refusal, ...(id !== undefined && { id }) });
    }
  }

  async function tenantOf(c: Context): Promise<string | undefined> {
    const key = keyOf((name) => c.req.header(name));
    return key === undefined ? undefined : keys.tenantOf(key);
  }

  /** From bytes to what is published, or why not. */
  function open(bytes: Uint8Array, c: Context, tenant: string): Accepted | Refusal {
    let document: unknown;
    try {
      document = parseJson(bytes);
    } catch (error) {
      if (error instanceof NotJsonError) return { ...refusals.malformed, message: error.message };
      if (error instanceof InvalidEventError) return invalid(error.issues);
      throw error;
    }
    const outOfBounds = checkBounds(document);
    const key = c.req.header("idempotency-key")?.replace(/^"(.*)"$/, "$1");
    const { fields, issues, asSent } = normalise(document, { tenant, key, newId });
    const named = fields["tenant_id"];
    if (typeof named === "string" && named !== tenant) return refusals.otherTenant;

    const type = fields["type"];
    if (typeof type === "string" && internalTypes.has(type)) {
      const message = `${type} is made by functions of this system only`;
      return invalid([{ path: asSent("type"), message }]);
    }
    const checked = checkEvent(fields, now() + FUTURE_MS);
    const wrong = [...issues, ...(checked.issues ?? [])];
    if (outOfBounds.length > 0 || wrong.length > 0 || checked.value === undefined) {
      const named = wrong.map((issue) => ({ ...issue, path: asSent(issue.path) }));
      return invalid([...outOfBounds, ...named]);
    }
    const { envelope } = checked.value;
    const body = Buffer.from(JSON.stringify(envelope));
    // Written out in full, some numbers are longer than they came; consumers hold the same limit.
    return body.byteLength > MAX_BYTES ? refusals.tooLarge : { envelope, body };
  }

  app.get("/health/live", (c) => c.json({ status: "live" }));
  app.get("/health/ready", (c) =>
    ready() ? c.json({ status: "ready" }) : refuse(c, refusals.brokerUnavailable),
  );
  app.get("/metrics", async (c) =>
    c.text(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
  );

  app.all("/events", (c) => refuse(c, refusals.methodNotAllowed, { allow: "POST" }));
  for (const path of ["/health/live", "/health/ready", "/metrics"]) {
    app.all(path, (c) => refuse(c, refusals.methodNotAllowed, { allow: "GET, HEAD" }));
  }
  app.notFound((c) => refuse(c, refusals.notFound));
  app.onError((error, c) => {
    log.error({ err: error }, "could not answer a request");
    return refuse(c, refusals.unexpected);
  });

  return app;
}

const unread: Record<Unread, Refusal> = {
  "too large": refusals.tooLarge,
  "too slow": refusals.tooSlow,
  "broken off": { ...refusals.malformed, message: "the body broke off" },
};

function refuse(c: Context, refusal: Refusal, headers: Record<string, string> = {}): Response {
  const { status, retryAfter, ...answer } = refusal;
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  // Whatever of the body was not read must not be taken for the next request.
  if (status === 413 || status === 408) headers["connection"] = "close";
  return c.json(answer, status, headers);
}

/** One message per field: the first, which knows best. */
function invalid(issues: readonly Issue[]): Refusal {
  const first = new Map<string, Issue>();
  for (const issue of issues) if (!first.has(issue.path)) first.set(issue.path, issue);
  return { ...refusals.invalid, issues: [...first.values()] };
}

/** `application/json` or `application/<anything>+json`, in UTF-8, not compressed. */
function isJson(c: Context): boolean {
  const type = c.req.header("content-type") ?? "";
  const encoding = c.req.header("content-encoding") ?? "identity";
  return (
    encoding.toLowerCase() === "identity" &&
    /^application\/(?:[\w.-]+\+)?json *(?:; *charset="?utf-8"? *)?$/i.test(type)
  );
}

function messageOf({ envelope, body }: Accepted): RabbitMessage {
  return {
    exchange: "events",
    routingKey: envelope.type,
    body,
    contentType: "application/json",
    messageId: envelope.id,
    type: envelope.type,
    timestamp: Math.floor(Date.parse(envelope.timestamp) / 1_000),
  };
}
