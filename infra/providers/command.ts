import { once } from "node:events";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { httpEnds } from "./http-ends.ts";
import { type Book, receivedBook } from "./received.ts";
import type { SmtpEnd } from "./smtp-end.ts";

const USAGE = `Usage: warren providers --http-port PORT [--smtp-port PORT] [--file FILE]

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
  const { "smtp-port": smtpPort, "http-port": httpPort, file, bind } = values;
  if (![smtpPort ?? "0", httpPort].every(isPort)) {
    console.error(USAGE);
    return 2;
  }
  const book = receivedBook(file);
  const smtp = smtpPort === undefined ? undefined : await openSmtp(Number(smtpPort), book);
  const http = serve({ fetch: httpEnds(book).fetch, port: Number(httpPort), hostname: bind });
  await once(http, "listening");
  console.log(
    `SMS, Telegram and push on http://${bind}:${httpPort}, mail on ${smtpPort ?? "no"} port`,
  );

  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  http.close();
  await smtp?.close();
  return 0;
}

/** Its packages are for development: an image has none of them, and mail goes elsewhere. */
async function openSmtp(port: number, book: Book): Promise<SmtpEnd> {
  const { noting, smtpEnd } = await import("./smtp-end.ts");
  return smtpEnd({ port, onMail: noting(book) });
}

function isPort(text: string | undefined): boolean {
  return /^\d{1,5}$/.test(text ?? "");
}
