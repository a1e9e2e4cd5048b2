import { join } from "node:path";
import { localVapidKeys, LOGIN } from "./login.ts";
import { natively, type Process } from "../service/native.ts";
import type { Address, Service } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";

const TITLE = "Local providers";

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

/** Accepts the senders' messages on this machine, lists them at `/received` and forwards none. */
export const providers: Service<{ url: string }> = {
  name: "providers",
  title: TITLE,
  provides: [
    "SMTP_URL",
    "MAIL_FROM",
    "SMS_URL",
    "SMS_ACCOUNT",
    "SMS_TOKEN",
    "SMS_FROM",
    "TELEGRAM_URL",
    "TELEGRAM_TOKEN",
    "PUSH_SUBJECT",
    "PUSH_PUBLIC_KEY",
    "PUSH_PRIVATE_KEY",
    "PUSH_SERVICES",
  ],
  // Addresses and logins. A sender's name alone does not replace a channel.
  replacedBy: [
    "SMTP_URL",
    "SMS_URL",
    "SMS_ACCOUNT",
    "SMS_TOKEN",
    "TELEGRAM_URL",
    "TELEGRAM_TOKEN",
    "PUSH_PUBLIC_KEY",
    "PUSH_PRIVATE_KEY",
  ],
  given: () => undefined,
  answers,
  describe: ({ PROVIDERS_URL: url = "" }) => ({ url }),
  row: ({ url }) => [`${url}/received`],
  native: natively({
    title: TITLE,
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
