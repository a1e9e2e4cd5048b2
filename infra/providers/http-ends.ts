import { Hono } from "hono";
import { LOGIN } from "./login.ts";
import type { Book } from "./received.ts";

/**
 * Test providers of SMS, Telegram and Web Push, as far as the senders use these APIs. They keep every
 * message. `GET /received` lists the messages, mails included; `?channel=` selects a channel.
 */
export function httpEnds(book: Book): Hono {
  const app = new Hono();
  const basic = `Basic ${Buffer.from(`${LOGIN.user}:${LOGIN.token}`).toString("base64")}`;

  app.get("/received", (c) => {
    const channel = c.req.query("channel");
    return c.json(book.all().filter((one) => channel === undefined || one.channel === channel));
  });

  app.use("/2010-04-01/*", async (c, next) =>
    c.req.header("authorization") === basic ? next() : c.json({ code: 20003 }, 401),
  );
  app.get("/2010-04-01/Accounts/:file", (c) => c.json({ sid: "warren", status: "active" }));
  app.post("/2010-04-01/Accounts/:account/Messages.json", async (c) => {
    const { To: to, Body: text } = await c.req.parseBody();
    if (typeof to !== "string" || typeof text !== "string") return c.json({ code: 21604 }, 400);
    book.add({ channel: "sms", to, text });
    return c.json({ sid: `SM${book.all().length}`, status: "queued" }, 201);
  });

  app.use("/:bot{bot[^/]+}/*", async (c, next) =>
    c.req.param("bot") === `bot${LOGIN.token}`
      ? next()
      : c.json({ ok: false, error_code: 401 }, 401),
  );
  app.get("/:bot{bot[^/]+}/getMe", (c) => c.json({ ok: true, result: { is_bot: true } }));
  app.post("/:bot{bot[^/]+}/sendMessage", async (c) => {
    const { chat_id: chat, text } = await c.req.json<{ chat_id?: unknown; text?: unknown }>();
    if (typeof text !== "string" || typeof chat !== "string") {
      return c.json({ ok: false, error_code: 400 }, 400);
    }
    book.add({ channel: "telegram", to: chat, text });
    return c.json({ ok: true, result: { message_id: book.all().length } });
  });

  app.get("/", (c) =>
    c.text("test providers of mail, SMS, Telegram and push: /received lists the messages"),
  );
  app.post("/push/:subscription{.+}", (c) => {
    const { authorization, topic, ttl } = c.req.header();
    if (!authorization?.startsWith("vapid ") || ttl === undefined) return c.body(null, 400);
    book.add({ channel: "push", to: c.req.url, ...(topic !== undefined && { id: topic }) });
    return c.body(null, 201);
  });
  return app;
}
