import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import * as z from "zod";
import { inParallel } from "../../lib/async/in-parallel.ts";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { type Answer, exchange, retryAfterMs } from "../http-client.ts";
import type { Embedder } from "./embedder.ts";

/** Limits of a request. OpenAI accepts 2,048 texts and 300,000 tokens; other servers accept less. */
const TEXTS_PER_REQUEST = 256;
const CHARACTERS_PER_REQUEST = 200_000;
/** Longer texts are cut: 8,191 tokens with three characters per token, as in English. */
const CHARACTERS_PER_TEXT = 24_000;
/** Always fits into the 512 tokens of small models: a token has at least one byte, a character at most three. */
const CHARACTERS_THAT_FIT = 170;
const REQUESTS_IN_FLIGHT = 2;
const ANSWER_MS = 20_000;
/** Largest answer, bytes: 256 vectors of 16,384 numbers of 20 characters. */
const MAX_ANSWER = 85_000_000;
/** The wait after a 429 without `Retry-After`, ms. */
const RETRY_LATER_MS = 5_000;
/** Size of the cache: 5,000 vectors of 1,536 numbers take 60 MB. */
const CACHED_TEXTS = 5_000;

type OpenAiSettings = {
  /** The URL before `/embeddings`, such as `https://api.openai.com/v1`. */
  url: string;
  apiKey: string | undefined;
  model: string;
  dimensions: number;
  /** Epoch ms. */
  now: () => number;
};

const answered = z.object({
  data: z.array(z.object({ index: z.int().nonnegative(), embedding: z.array(z.number()) })),
});

/**
 * Any server with OpenAI's `POST /v1/embeddings`. The process caches vectors. An empty text has the zero
 * vector, because these servers refuse it. A refused request may be too long: several texts are sent again
 * in two halves, and of a single text the first half, until it must fit. Throws RetryLaterError (429),
 * PermanentError (400, 413, 422: a text is refused; of several texts, the caller tries each alone),
 * OutageError if no text is at fault, and the signal's reason if it aborts. No error contains a text or
 * the key.
 */
export function openAiEmbedder({ url, apiKey, model, dimensions, now }: OpenAiSettings): Embedder {
  const cache = new LRUCache<string, number[]>({ max: CACHED_TEXTS });
  const endpoint = `${url.replace(/\/+$/, "")}/embeddings`;

  async function ask(texts: readonly string[], signal: AbortSignal): Promise<number[][]> {
    const request = {
      method: "POST" as const,
      url: endpoint,
      headers: {
        "content-type": "application/json",
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, input: texts, encoding_format: "float" }),
      repeatable: true,
      answerMs: ANSWER_MS,
      maxAnswer: MAX_ANSWER,
    };
    const answer = await exchange(request, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new OutageError(`the embedding server does not answer: ${(error as Error).message}`);
    });
    const body = json(answer.text);
    if (answer.status < 200 || answer.status >= 300) throw refusalOf(answer, body, now());
    const { data } = answered.safeParse(body);
    if (data === undefined)
      throw new OutageError("the embedding server's answer is no list of vectors");
    return inOrder(data.data, texts.length, dimensions);
  }

  /** Sends one half after the other. The first text that is refused alone ends it, which bounds the requests. */
  async function askFitting(texts: readonly string[], signal: AbortSignal): Promise<number[][]> {
    try {
      return await ask(texts, signal);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      if (texts.length > 1) {
        const middle = Math.ceil(texts.length / 2);
        const first = await askFitting(texts.slice(0, middle), signal);
        return [...first, ...(await askFitting(texts.slice(middle), signal))];
      }
      const text = texts[0]!;
      if (text.length <= CHARACTERS_THAT_FIT) throw error;
      return askFitting([cut(text, Math.ceil(text.length / 2))], signal);
    }
  }

  return {
    model,
    dimensions,
    async embed(texts, signal) {
      const wanted = new Map(texts.map((text) => [keyOf(text), cut(text, CHARACTERS_PER_TEXT)]));
      const found = new Map<string, number[]>();
      const missing: [string, string][] = [];
      for (const [key, text] of wanted) {
        const known = text.trim() === "" ? zero(dimensions) : cache.get(key);
        if (known === undefined) missing.push([key, text]);
        else found.set(key, known);
      }
      await inParallel(requestsOf(missing), REQUESTS_IN_FLIGHT, async (part) => {
        const vectors = await askFitting(
          part.map(([, text]) => text),
          signal,
        );
        for (const [i, [key]] of part.entries()) {
          cache.set(key, vectors[i]!);
          found.set(key, vectors[i]!);
        }
      });
      // Copies, because the caller may change them.
      return texts.map((text) => [...found.get(keyOf(text))!]);
    },
  };
}

/** Servers refuse half of a surrogate pair. */
function cut(text: string, length: number): string {
  return text.slice(0, length).toWellFormed();
}

/** Splits texts into requests within the limits. */
function requestsOf(texts: readonly [string, string][]): [string, string][][] {
  const requests: [string, string][][] = [];
  let room = 0;
  for (const each of texts) {
    const last = requests.at(-1);
    if (last === undefined || last.length >= TEXTS_PER_REQUEST || each[1].length > room) {
      requests.push([each]);
      room = CHARACTERS_PER_REQUEST;
    } else {
      last.push(each);
    }
    room -= each[1].length;
  }
  return requests;
}

/** Servers may answer out of order; each vector names its text by `index`. */
function inOrder(
  data: readonly { index: number; embedding: number[] }[],
  count: number,
  dimensions: number,
): number[][] {
  const byIndex = new Map(data.map(({ index, embedding }) => [index, embedding]));
  return Array.from({ length: count }, (_, i) => {
    const vector = byIndex.get(i);
    if (vector === undefined) throw new OutageError(`the embedding server left text ${i} out`);
    if (vector.length === dimensions) return vector;
    throw new OutageError(
      `the model's vectors have ${vector.length} dimensions, EMBEDDING_DIMENSIONS says ${dimensions}`,
    );
  });
}

/** OpenAI also answers 429 when the quota is used up. Then waiting does not help. */
const unpaid = z.object({ error: z.object({ code: z.literal("insufficient_quota") }) });

function refusalOf({ status, headers }: Answer, body: unknown, now: number): Error {
  const said = `the embedding server answered ${status}`;
  if (status === 429 && unpaid.safeParse(body).success) {
    return new OutageError(`${said}: the account's quota is used up (insufficient_quota)`);
  }
  if (status === 429) {
    const wait = retryAfterMs(headers["retry-after"], now) ?? RETRY_LATER_MS;
    return new RetryLaterError(said, now + wait);
  }
  return [400, 413, 422].includes(status) ? new PermanentError(said) : new OutageError(said);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function keyOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function zero(dimensions: number): number[] {
  return Array.from({ length: dimensions }, () => 0);
}
