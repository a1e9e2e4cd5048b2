import { join } from "node:path";
import { localVapidKeys, LOGIN } from "./login.ts";
import { natively, type Process } from "../service/native.ts";
import type { Address, Service } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";

type Port = "smtp" | "http";

const server: Process<Port> = {
  name: "server",
  launch: ({ folder }, { ports }) => ({
    command: process.execPath,
    args: [
      join(import.meta.dirname, "../../cli.ts"),
      "providers",
      "--smtp-port",
      String(ports.smtp),
      "--http-port",
      String(ports.http),
      "--file",
      join(folder, "received.jsonl"),
    ],
    env: process.env,
  }),
  answers: (settings) => answers(addressOf(settings)),
  startMs: 30_000,
  graceMs: 5_000,
};

/**
 * Where the senders' messages end on this machine. Whoever sets a channel's own variables has that
 * channel go there instead (start.ts).
 */
export const providers: Service = {
  name: "providers",
  title: "Mail, SMS, Telegram and push ends",
  given: () => undefined,
  answers,
  native: natively({
    title: "Mail, SMS, Telegram and push ends",
    ports: ["smtp", "http"],
    prepare: async () => {},
    processes: [server],
    addressOf,
  }),
};

async function answers({ PROVIDERS_URL: url = "" }: Address): Promise<boolean> {
  const signal = AbortSignal.timeout(3_000);
  const answer = await fetch(url, { signal }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.ok ?? false;
}

function addressOf({ ports }: Settings<Port>): Address {
  const url = `http://127.0.0.1:${ports.http}`;
  const { publicKey, privateKey } = localVapidKeys();
  const { user, token } = LOGIN;
  return {
    PROVIDERS_URL: url,
    SMTP_URL: `smtp://${user}:${token}@127.0.0.1:${ports.smtp}?ignoreTLS=true`,
    MAIL_FROM: "Warren <warren@example.com>",
    SMS_URL: url,
    SMS_ACCOUNT: user,
    SMS_TOKEN: token,
    SMS_FROM: "Warren",
    TELEGRAM_URL: url,
    TELEGRAM_TOKEN: token,
    PUSH_SUBJECT: "mailto:warren@example.com",
    PUSH_PUBLIC_KEY: publicKey,
    PUSH_PRIVATE_KEY: privateKey,
    PUSH_SERVICES: "127.0.0.1",
  };
}
