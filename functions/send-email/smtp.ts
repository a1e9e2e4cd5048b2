import { type Readable, Transform } from "node:stream";
import { createTransport } from "nodemailer";
import {
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../../lib/pipeline/errors.ts";
import { RecipientBusyError, type Transport } from "../../kit/sending/transport.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";
import { mailOf, type Sender } from "./mail.ts";

/** ms; the last is for each answer, of which the one to a whole message takes longest. */
const CONNECT = 5_000;
const ANSWER = 20_000;

/**
 * `smtps:` is TLS from the start. `smtp:` demands STARTTLS, unless the URL says `?ignoreTLS=true`
 * (a server of this machine).
 */
export function smtp({
  url,
  sender,
  connections,
  now,
}: {
  url: string;
  sender: Sender;
  /** Kept open at most; each carries one mail at a time. */
  connections: number;
  /** Epoch ms. */
  now: () => number;
}): Transport<string> {
  const { protocol, searchParams } = new URL(url);
  const pool = createTransport({
    url,
    pool: true,
    maxConnections: connections,
    requireTLS: protocol === "smtp:" && searchParams.get("ignoreTLS") !== "true",
    connectionTimeout: CONNECT,
    greetingTimeout: CONNECT,
    dnsTimeout: CONNECT,
    socketTimeout: ANSWER,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  /** By Message-ID: the mails that are on their way, as the connection reads them. */
  const outgoing = new Map<string, Readable>();
  pool.use("stream", ({ message }, done) => {
    message.processFunc((input: Readable) => {
      const mail = input.pipe(inOnePiece());
      input.once("error", (error) => mail.destroy(error));
      outgoing.set(message.messageId(), mail);
      return mail;
    });
    done();
  });

  return {
    async send(message, signal) {
      const mail = mailOf(message, sender);
      try {
        await pool.sendMail({ ...mail, signal });
      } catch (error) {
        // The first byte of a mail is read when the server has answered DATA with 354.
        const handedOver = outgoing.get(mail.messageId)?.readableDidRead ?? false;
        throw failureOf(error as SmtpError, { handedOver, now: now() });
      } finally {
        outgoing.delete(mail.messageId);
      }
    },
    async probe(signal) {
      try {
        await unlessAborted(pool.verify(), signal);
      } catch (error) {
        throw new OutageError(textOf(error as SmtpError));
      }
    },
    close: async () => pool.close(),
  };
}

/**
 * Nodemailer composes a mail in a dozen small pieces, turn by turn, and would send each as a packet while
 * the connection waits for the next (`npm run bench -- mail`).
 */
function inOnePiece(): Transform {
  const pieces: Buffer[] = [];
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      pieces.push(piece);
      done();
    },
    flush(done) {
      done(null, Buffer.concat(pieces));
    },
  });
}

/** Of nodemailer's errors what is read here (nodemailer/lib/errors). */
export type SmtpError = {
  code?: string | undefined;
  /** What the server was asked, and its answer. */
  command?: string | undefined;
  responseCode?: number | undefined;
  response?: string | undefined;
  originalCode?: string | undefined;
  timeoutType?: string | undefined;
};

/**
 * After a transient refusal, ms: servers that greylist want some minutes, and one that closes for
 * maintenance does too.
 */
const LATER = 5 * 60_000;

/**
 * What a failed send means. A server's refusal is its word: it did not take the mail. Without one it
 * may have, once the mail was handed over. After a 4xx the action "did not occur", and the client
 * "should try again" later (RFC 5321, section 4.2.1): also where it answers the whole mail.
 */
export function failureOf(
  error: SmtpError,
  { handedOver, now }: { handedOver: boolean; now: number },
): Error {
  const { code, command, responseCode } = error;
  const text = textOf(error);
  if (responseCode === undefined || responseCode < 400) {
    if (handedOver) return new UncertainError(text);
    // Found by nodemailer itself: no address, or larger than the server takes.
    const isRefused = code === "EENVELOPE" || code === "EMESSAGE";
    return isRefused ? new PermanentError(text) : new OutageError(text);
  }
  const isAboutAMail = handedOver || ABOUT_A_MAIL.has(command ?? "");
  if (responseCode < 500 && (isAboutAMail || command === "CONN" || responseCode === CLOSING)) {
    const isAboutRecipient = command === "RCPT TO" && responseCode !== CLOSING;
    const Later = isAboutRecipient ? RecipientBusyError : RetryLaterError;
    return new Later(text, now + LATER);
  }
  if (!isAboutAMail) return new OutageError(text);
  // It is our own address that is refused there.
  const isAboutUs = command === "MAIL FROM" && responseCode !== TOO_LARGE;
  return isAboutUs ? new OutageError(text) : new PermanentError(text);
}

/** RFC 5321: the service closes its connections for now, and may say so in answer to any command. */
const CLOSING = 421;
/** What is refused at another command, such as a login, is refused for every mail. */
const ABOUT_A_MAIL = new Set(["MAIL FROM", "RCPT TO", "DATA"]);
/** RFC 5321: exceeded storage allocation; the one answer to MAIL FROM that is about this mail. */
const TOO_LARGE = 552;

/** Codes only: servers quote addresses in what they say. */
function textOf({
  code,
  command,
  responseCode,
  response,
  originalCode,
  timeoutType,
}: SmtpError): string {
  if (responseCode === undefined) return `SMTP: ${timeoutType ?? originalCode ?? code ?? "failed"}`;
  const [, enhanced] = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response ?? "") ?? [];
  const answer = enhanced === undefined ? String(responseCode) : `${responseCode} ${enhanced}`;
  return command === undefined ? `SMTP: ${answer}` : `SMTP: ${answer} to ${command}`;
}
