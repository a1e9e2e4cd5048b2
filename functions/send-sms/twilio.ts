import { OutageError } from "../../lib/pipeline/errors.ts";
import { type Dialect, exchange, failureOf } from "../../kit/http-client.ts";
import type { Transport } from "../../kit/sending/transport.ts";

/** Wrong credentials; no such account: its address is part of the URL. */
const DIALECT: Dialect = { outages: [401, 403, 404, 405] };

/**
 * The Messages resource of Twilio's API (version 2010-04-01), which others offer too. It knows no key
 * against a second send.
 */
export function twilio({
  url,
  account,
  token,
  from,
  now,
}: {
  /** Of the API, such as `https://api.twilio.com`. */
  url: string;
  account: string;
  token: string;
  /** A number, or a name where it is allowed. */
  from: string;
  /** Epoch ms. */
  now: () => number;
}): Transport<string> {
  const base = `${url.replace(/\/$/, "")}/2010-04-01/Accounts/${encodeURIComponent(account)}`;
  const authorization = `Basic ${Buffer.from(`${account}:${token}`).toString("base64")}`;

  return {
    async send({ to, content }, signal) {
      const form = new URLSearchParams({ To: to, From: from, Body: content.text });
      const headers = { authorization, "content-type": "application/x-www-form-urlencoded" };
      const request = { method: "POST" as const, url: `${base}/Messages.json`, headers };
      const answer = await exchange({ ...request, body: form.toString() }, signal);
      const failure = failureOf(answer, now(), DIALECT);
      if (failure !== undefined) throw failure;
    },
    async probe(signal) {
      const url = `${base}.json`;
      const { status } = await exchange({ method: "GET", url, headers: { authorization } }, signal);
      if (status >= 300) throw new OutageError(`answered ${status}`);
    },
    close: async () => {},
  };
}
