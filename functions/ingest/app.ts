import type { Hono } from "hono";
import {
  type Asked,
  createHttpApp,
  type HttpTools,
  isProblem,
  readBody,
} from "../../kit/http/http-app.ts";
import type { Problem } from "../../kit/http/problem.ts";
import type { RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { accept } from "./accept.ts";
import { refusalOf, refusals } from "./refusals.ts";

type Deps = HttpTools & {
  publisher: Pick<RabbitPublisher, "publish" | "ready">;
  /** A fresh `evt_<uuidv7>`. */
  newId: () => string;
  /** Epoch ms. */
  now: () => number;
  /** How long a request may take to arrive. */
  bodyTimeoutMs: number;
};

/**
 * `POST /events` answers 202 once the broker holds the event, else it says what is wrong. When an
 * event was or may have been published, the answer has its id, so that the sender repeats it.
 */
export function createApp({ publisher, newId, now, bodyTimeoutMs, ...tools }: Deps): Hono {
  async function answer({ c, tenant, failed }: Asked): Promise<Response | Problem> {
    const bytes = await readBody(c.req.raw, bodyTimeoutMs);
    if (isProblem(bytes)) return bytes;
    const key = c.req.header("idempotency-key");
    const message = accept(bytes, { tenant, key, newId, now });
    if (isProblem(message)) return message;
    const { messageId: id, type } = message;
    try {
      await publisher.publish(message);
      return c.json({ id, status: "queued", type }, 202);
    } catch (error) {
      return failed(error, id);
    }
  }

  return createHttpApp({
    ...tools,
    routes: [
      { method: "POST", path: "/events", answer, onAnswer: (made) => tools.metrics.request(made) },
    ],
    ready: () => (publisher.ready() ? undefined : refusals.brokerUnavailable),
    problemOf: refusalOf,
  });
}
