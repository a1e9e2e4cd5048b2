import * as z from "zod";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { type Answer, type Dialect, exchange, failureOf } from "../../kit/http-client.ts";
import type { Transport } from "../../kit/sending/transport.ts";

/**
 * A wrong token is 401, or 404 if it does not even look like one. 403 is about one chat: its owner
 * blocked the bot, or never spoke to it.
 */
const DIALECT: Dialect = { outages: [401, 404], retryAfterMs };

/** https://core.telegram.org/bots/api#responseparameters */
const flooded = z.object({ parameters: z.object({ retry_after: z.number().nonnegative() }) });

/** Telegram's Bot API. It knows no key against a second send. */
export function botApi({
  url,
  token,
  now,
}: {
  /** `https://api.telegram.org`, or of a Bot API server of one's own. */
  url: string;
  token: string;
  /** Epoch ms. */
  now: () => number;
}): Transport<string> {
  const base = `${url.replace(/\/$/, "")}/bot${token}`;
  const headers = { "content-type": "application/json" };

  return {
    async send({ to, content }, signal) {
      // No parse_mode: whatever people write is text.
      const body = JSON.stringify({ chat_id: to, text: content.text });
      const request = { method: "POST" as const, url: `${base}/sendMessage`, headers, body };
      const failure = failureOf(await exchange(request, signal), now(), DIALECT);
      if (failure !== undefined) throw failure;
    },
    async probe(signal) {
      const { status } = await exchange({ method: "GET", url: `${base}/getMe`, headers }, signal);
      if (status >= 300) throw new OutageError(`answered ${status}`);
    },
    close: async () => {},
  };
}

/** In seconds, in the body: the Bot API sends no `Retry-After`. */
function retryAfterMs({ text }: Answer): number | undefined {
  try {
    return flooded.parse(JSON.parse(text)).parameters.retry_after * 1_000;
  } catch {
    return undefined;
  }
}
