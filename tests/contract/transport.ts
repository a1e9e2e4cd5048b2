import { once } from "node:events";
import { serve, type ServerType } from "@hono/node-server";
import { afterEach, expect, test } from "vitest";
import { httpEnds } from "../../infra/providers/http-ends.ts";
import { type Book, receivedBook } from "../../infra/providers/received.ts";
import { smtpEnd } from "../../infra/providers/smtp-end.ts";
import { freePorts } from "../../infra/service/ports.ts";
import type { Message, Transport } from "../../kit/sending/transport.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";

type End = { close: () => Promise<void> };

/** What every channel's `Transport` promises (kit/sending/transport.ts), against the local end. */
export function transportContract<To>(
  name: string,
  {
    to,
    secret,
    open,
    end = httpEnd,
  }: {
    to: (port: number) => To;
    /** A part of the address, which no error may hold. */
    secret: string;
    open: (port: number) => Transport<To>;
    /** The other side on this port. */
    end?: (port: number, book: Book) => Promise<End>;
  },
): void {
  const never = new AbortController().signal;
  const opened: End[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  async function setup() {
    const [port] = (await freePorts(1)) as [number];
    const book = receivedBook();
    const transport = open(port);
    opened.push(transport);
    const message = (id: string): Message<To> => ({
      id,
      source: "notifier",
      tenant: "acme",
      kind: "order.shipped",
      to: to(port),
      recipient: "u1",
      content: { subject: "Your order", text: "It is on its way." },
    });
    const start = async () => void opened.push(await end(port, book));
    return { transport, message, book, start };
  }

  test(`${name} hands over each message once, and a probe hands over nothing`, async () => {
    const { transport, message, book, start } = await setup();
    await start();
    await transport.probe(never);
    expect(book.all()).toEqual([]);
    await transport.send(message("m1"), never);
    await transport.send(message("m2"), never);
    expect(book.all()).toHaveLength(2);
  });

  test(`${name} calls a silent port an outage, names no address, and sends when it is back`, async () => {
    const { transport, message, book, start } = await setup();
    const failed: unknown = await transport.send(message("m1"), never).catch((error) => error);
    expect(failed).toBeInstanceOf(OutageError);
    expect(String(failed)).not.toContain(secret);
    await expect(transport.probe(never)).rejects.toThrow(OutageError);

    await start();
    await transport.probe(never);
    await transport.send(message("m1"), never);
    expect(book.all()).toHaveLength(1);
  });

  test(`${name} sends nothing once the signal has aborted`, async () => {
    const { transport, message, book, start } = await setup();
    await start();
    await expect(transport.send(message("m1"), AbortSignal.abort())).rejects.toThrow(
      /abort|stopped/i,
    );
    expect(book.all()).toEqual([]);
  });
}

async function httpEnd(port: number, book: Book): Promise<End> {
  const server: ServerType = serve({ fetch: httpEnds(book).fetch, port, hostname: "127.0.0.1" });
  await once(server, "listening");
  return {
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

/** The local mail server. */
export async function mailEnd(port: number, book: Book): Promise<End> {
  return smtpEnd({
    port,
    onMail: async (_, [to = ""]) => book.add({ channel: "email", to }),
  });
}
