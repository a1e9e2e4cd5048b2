import { once } from "node:events";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { httpEnds } from "./http-ends.ts";
import { receivedBook } from "./received.ts";
import { noting, smtpEnd } from "./smtp-end.ts";

const USAGE = `Usage: warren providers --smtp-port PORT --http-port PORT [--file FILE]

Ends of mail, SMS, Telegram and Web Push on this machine, for trying Warren out: they keep what they
are sent, and forward nothing. GET /received lists it.

  --bind ADDRESS   of the HTTP ends; mail always listens on 127.0.0.1 (127.0.0.1)
`;

/** `warren providers`: until SIGTERM or SIGINT. */
export async function command(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      "smtp-port": { type: "string" },
      "http-port": { type: "string" },
      file: { type: "string" },
      bind: { type: "string", default: "127.0.0.1" },
    },
  });
  const [smtpPort, httpPort] = [values["smtp-port"], values["http-port"]].map(Number);
  if (!isPort(smtpPort) || !isPort(httpPort)) {
    console.error(USAGE);
    return 2;
  }
  const book = receivedBook(values.file);
  const smtp = await smtpEnd({ port: smtpPort, onMail: noting(book) });
  const app = httpEnds(book);
  const http = serve({ fetch: app.fetch, port: httpPort, hostname: values.bind });
  await once(http, "listening");
  console.log(
    `mail on port ${smtpPort}, SMS, Telegram and push on http://${values.bind}:${httpPort}`,
  );

  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  http.close();
  await smtp.close();
  return 0;
}

function isPort(port: number | undefined): port is number {
  return Number.isInteger(port);
}
