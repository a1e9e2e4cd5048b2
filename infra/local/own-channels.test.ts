import { expect, test } from "vitest";
import { ConfigError } from "../../lib/config.ts";
import { withoutOwnChannels } from "./own-channels.ts";

const ends = {
  PROVIDERS_URL: "http://127.0.0.1:1",
  SMTP_URL: "smtp://warren:local@127.0.0.1:2?ignoreTLS=true",
  MAIL_FROM: "Warren <warren@example.com>",
  SMS_URL: "http://127.0.0.1:1",
  SMS_ACCOUNT: "warren",
  SMS_TOKEN: "local",
  SMS_FROM: "Warren",
  TELEGRAM_URL: "http://127.0.0.1:1",
  TELEGRAM_TOKEN: "local",
  PUSH_PUBLIC_KEY: "local",
  PUSH_PRIVATE_KEY: "local",
  PUSH_SERVICES: "127.0.0.1",
};

test("without variables of one's own every message ends on this machine", () => {
  expect(withoutOwnChannels(ends, { PATH: "/bin", SMTP_URL: "" })).toEqual(ends);
});

test("a bot's own token does not go to the end on this machine", () => {
  const left = withoutOwnChannels(ends, { TELEGRAM_TOKEN: "1:own" });
  expect(Object.keys(ends).filter((name) => !(name in left))).toEqual([
    "TELEGRAM_URL",
    "TELEGRAM_TOKEN",
  ]);
});

test("a channel of one's own takes nothing from this machine, and lacks by name", () => {
  const env = { SMTP_URL: "smtps://mail.example", SMS_TOKEN: "own" };
  const read = () => withoutOwnChannels(ends, env);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(
    /MAIL_FROM: is required[^]*SMS_ACCOUNT: is required[^]*SMS_FROM: is required/,
  );
});

test("a rate, a sender's name or push services do not move a channel", () => {
  const env = {
    MAIL_RATE: "5",
    MAIL_FROM: "shop@example.com",
    PUSH_SERVICES: "127.0.0.1,a.example",
  };
  expect(withoutOwnChannels(ends, env)).toEqual(ends);
});

test("keys of Web Push that are none are named", () => {
  const keys = {
    PUSH_PUBLIC_KEY: "x",
    PUSH_PRIVATE_KEY: "y",
    PUSH_SUBJECT: "mailto:a@example.com",
  };
  expect(() => withoutOwnChannels(ends, keys)).toThrow(
    /PUSH_PUBLIC_KEY: must[^]*PUSH_PRIVATE_KEY: must/,
  );
});
