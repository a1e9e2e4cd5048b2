import type { Hono } from "hono";
import { readBody } from "../../kit/http/body.ts";
import { type Asked, createHttpApp, type HttpTools } from "../../kit/http/http-app.ts";
import { isProblem, type Problem } from "../../kit/http/problem.ts";
import type { RabbitMessage } from "../../lib/rabbit/publisher.ts";
import { accept } from "./accept.ts";
import { refusalOf, refusals } from "./refusals.ts";

export type Deps = HttpTools & {
  /** Settles within 5 s; resolves once the broker has stored and routed the message (lib/rabbit). */
  publish: (message: RabbitMessage) => Promise<void>;
  /** Whether a message would be handed to the broker now. */
  ready: () => boolean;
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
export function createApp({ publish, ready, newId, now, bodyTimeoutMs, ...tools }: Deps): Hono {
  async function answer({ c, tenant, failed }: Asked): Promise<Response | Problem> {
    const bytes = await readBody(c.req.raw, bodyTimeoutMs);
    if (isProblem(bytes)) return bytes;
    const key = c.req.header("idempotency-key");
    const message = accept(bytes, { tenant, key, newId, now });
    if (isProblem(message)) return message;
    const { messageId: id, type } = message;
    try {
      await publish(message);
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
    ready: () => (ready() ? undefined : refusals.brokerUnavailable),
    problemOf: refusalOf,
  });
}
