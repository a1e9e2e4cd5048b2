/** functions/ingest as the host serves it, on a free port. */
import { serve } from "@hono/node-server";
import { app } from "../functions/ingest/handler.ts";

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send?.({ port }));
