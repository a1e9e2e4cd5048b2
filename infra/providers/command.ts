import { once } from "node:events";
import { serve } from "@hono/node-server";
import { type Command, Option } from "commander";
import { port } from "../../lib/config.ts";
import { as, notes } from "../cli/help.ts";
import { httpEnds } from "./http-ends.ts";
import { type Book, receivedBook } from "./received.ts";
import type { SmtpEnd } from "./smtp-end.ts";

/** `warren providers`: until SIGTERM or SIGINT. */
export function define(command: Command): void {
  command
    .description(
      "Run test providers of mail, SMS, Telegram and Web Push. They keep every message and forward none.\n" +
        "GET /received lists the messages. Mail listens on 127.0.0.1.",
    )
    .addOption(
      new Option("--http-port <port>", "port of SMS, Telegram and push")
        .argParser(as(port))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--smtp-port <port>", "port of mail (default: no mail)").argParser(as(port)),
    )
    .option("--file <file>", "keep the messages in this file (default: in memory)")
    .option("--bind <address>", "address of the HTTP providers", "127.0.0.1")
    .addHelpText("after", notes("warren providers --http-port 8025 --smtp-port 1025"))
    .action(run);
}

type Flags = { httpPort: number; smtpPort?: number; file?: string; bind: string };

async function run({ httpPort, smtpPort, file, bind }: Flags): Promise<void> {
  const book = receivedBook(file);
  const smtp = smtpPort === undefined ? undefined : await openSmtp(smtpPort, book);
  const http = serve({ fetch: httpEnds(book).fetch, port: httpPort, hostname: bind });
  await once(http, "listening");
  console.log(
    `SMS, Telegram and push on http://${bind}:${httpPort}, mail on ${smtpPort ?? "no"} port`,
  );

  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  http.close();
  await smtp?.close();
}

/** The SMTP packages are dev dependencies, so a container image lacks them. */
async function openSmtp(port: number, book: Book): Promise<SmtpEnd> {
  const { noting, smtpEnd } = await import("./smtp-end.ts");
  return smtpEnd({ port, onMail: noting(book) });
}
