import { once } from "node:events";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { callbackify } from "node:util";
import PostalMime from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { LOGIN } from "./login.ts";
import type { Book } from "./received.ts";

export type SmtpEnd = {
  port: number;
  /** Closes all connections without an answer, as a crash does. */
  cut: () => void;
  close: () => Promise<void>;
};

/** A real SMTP server on this machine. It passes each mail to `onMail` and forwards none. */
export async function smtpEnd({
  port,
  onMail,
  options = {},
}: {
  /** 0 means any free port. */
  port: number;
  /** Called with each complete mail. The server accepts the mail if this resolves, and refuses it otherwise. */
  onMail: (raw: Buffer, recipients: readonly string[]) => Promise<void>;
  /** For tests: TLS, refusals. */
  options?: SMTPServerOptions;
}): Promise<SmtpEnd> {
  const server = new SMTPServer({
    // Listens on the loopback address only, so it needs no TLS.
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth({ username, password }, _session, callback) {
      const isRight = username === LOGIN.user && password === LOGIN.token;
      callback(isRight ? null : new Error("wrong user or password"), { user: username });
    },
    onData(stream, { envelope }, callback) {
      const recipients = envelope.rcptTo.map(({ address }) => address);
      const take = callbackify(async () => onMail(await buffer(stream), recipients));
      take((error) => callback(error));
    },
    ...options,
  });
  // Errors of single connections, such as a killed client.
  server.on("error", () => undefined);
  const sockets = new Set<Socket>();
  const listening = server.listen(port, "127.0.0.1");
  listening.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await once(listening, "listening");
  const address = listening.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Records each mail in readable form. */
export function noting(book: Book): (raw: Buffer, recipients: readonly string[]) => Promise<void> {
  return async (raw, recipients) => {
    const { messageId, subject, text } = await PostalMime.parse(raw);
    for (const to of recipients) {
      book.add({
        channel: "email",
        to,
        ...(messageId !== undefined && { id: messageId }),
        ...(subject !== undefined && { subject }),
        ...(text !== undefined && { text: text.trim() }),
      });
    }
  };
}
