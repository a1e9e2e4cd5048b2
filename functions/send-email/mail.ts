import { PermanentError } from "../../lib/pipeline/errors.ts";
import { type Message, nameOf } from "../../kit/sending/transport.ts";

/** Who mails come from, and how to have no more of them. */
export type Sender = {
  /** `shop@example.com`, or `Shop <shop@example.com>`. */
  from: string;
  /**
   * `mailto:` or `https:`, with `{tenant}`, `{recipient}` and `{kind}` to be filled in. Undefined: a mail
   * to the sender.
   */
  unsubscribe: string | undefined;
};

/** What nodemailer takes. */
type Mail = {
  from: string;
  to: { name: string; address: string };
  envelope: { from: string; to: string[] };
  messageId: string;
  subject: string;
  text: string;
  html?: string;
  headers: Record<string, string>;
};

/**
 * The same message has the same Message-ID at every attempt, by which a mailbox may recognise a
 * second copy. Throws PermanentError for what is no address.
 */
export function mailOf(message: Message<string>, sender: Sender): Mail {
  const { id, to, content } = message;
  if (!ADDRESS.test(to)) throw new PermanentError("the recipient's address is no mail address");
  const own = addressOf(sender.from);
  // People find the event by its id; other tenants and sources may use the same one.
  const local = `${id.replaceAll(":", "=3A")}.${nameOf(message).slice(0, 12)}`;
  const unsubscribe = sender.unsubscribe ?? `mailto:${own}?subject=unsubscribe%20{kind}`;
  return {
    from: sender.from,
    to: { name: "", address: to },
    envelope: { from: own, to: [to] },
    messageId: `<${local}@${own.slice(own.lastIndexOf("@") + 1)}>`,
    subject: content.subject ?? "",
    text: content.text,
    ...(content.html !== undefined && { html: content.html }),
    headers: {
      "Auto-Submitted": "auto-generated",
      "List-Unsubscribe": `<${filledIn(unsubscribe, message)}>`,
      // RFC 8058; only a web address can be posted to.
      ...(unsubscribe.startsWith("https:") && {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      }),
    },
  };
}

/** One address and no more: nothing that separates, quotes or breaks a line. */
const ADDRESS = /^[^\s\p{Cc}@<>()[\]:;,\\"]{1,64}@[^\s\p{Cc}@<>()[\]:;,\\"]{1,189}$/u;

function addressOf(from: string): string {
  return /<([^<>]+)>$/.exec(from)?.[1] ?? from;
}

function filledIn(url: string, message: Message<string>): string {
  return url.replaceAll(
    /\{(tenant|recipient|kind)\}/g,
    (_, name: "tenant" | "recipient" | "kind") => encodeURIComponent(message[name]),
  );
}
