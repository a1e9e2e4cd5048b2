/** The baseline of bench/ingest.ts: a Hono app that only publishes with confirms. */
import { serve } from "@hono/node-server";
import { connect } from "amqplib";
import { Hono } from "hono";

const connection = await connect(process.env["RABBITMQ_URL"]!);
const channel = await connection.createConfirmChannel();
const app = new Hono();

app.post("/events", async (c) => {
  const body = Buffer.from(JSON.stringify(await c.req.json()));
  await new Promise<void>((resolve, reject) => {
    const options = { persistent: true, mandatory: true };
    channel.publish("events", "interaction.viewed", body, options, (error: unknown) =>
      error instanceof Error ? reject(error) : resolve(),
    );
  });
  return c.json({ status: "queued" }, 202);
});

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send?.({ port }));
