import * as z from "zod";

/** The management API cannot be reached in time, refuses, or answers what it should not. */
export class ManagementError extends Error {
  override name = "ManagementError";
}

type Management = {
  /** `GET /api/<path>`, checked. Throws ManagementError. */
  get: <T extends z.ZodType>(path: string, schema: T) => Promise<z.infer<T>>;
  /** `PUT /api/<path>`: makes or changes something. Throws ManagementError. */
  put: (path: string, body: object) => Promise<void>;
  /** The vhost of the broker's URL, as the API wants it in a path. */
  vhost: string;
};

/**
 * RabbitMQ's management API, for the vhost and (unless its own URL names one) with the user of the
 * broker's URL. A call takes at most `timeoutMs`, an answer has at most `maxBytes`.
 */
export function management({
  url,
  managementUrl,
  timeoutMs = 10_000,
  maxBytes = 64 * 1_024 ** 2,
}: {
  url: string;
  managementUrl: string;
  timeoutMs?: number;
  maxBytes?: number;
}): Management {
  const broker = new URL(url);
  const base = new URL(managementUrl);
  const user = base.username === "" ? broker : base;
  const login = `${decodeURIComponent(user.username)}:${decodeURIComponent(user.password)}`;
  const authorization = `Basic ${Buffer.from(login).toString("base64")}`;
  const root = `${base.origin}${base.pathname.replace(/\/$/, "")}/api`;

  async function call(path: string, init: RequestInit): Promise<Response> {
    const answer = await fetch(`${root}/${path}`, {
      ...init,
      headers: { authorization, "content-type": "application/json" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.ok) return answer;
    await answer.body?.cancel();
    const text = `the management API answers ${answer.status} when asked for ${kindOf(path)}`;
    throw new ManagementError(text);
  }

  async function explained<T>(path: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof ManagementError) throw cause;
      const trouble = isAnswer(cause) ? "cannot be understood" : "cannot be reached";
      const text = `the management API at ${base.origin} ${trouble} when asked for ${kindOf(path)}`;
      throw new ManagementError(text, { cause });
    }
  }

  const vhost = encodeURIComponent(vhostOf(url));
  return {
    vhost,
    get: (path, schema) =>
      explained(
        path,
        call(path, { method: "GET" })
          .then((answer) => textOf(answer, maxBytes))
          .then((text) => schema.parse(JSON.parse(text))),
      ),
    put: (path, body) =>
      explained(
        path,
        call(path, { method: "PUT", body: JSON.stringify(body) }).then((answer) =>
          answer.body?.cancel(),
        ),
      ),
  };
}

/** Of a path its first part: the rest may name things that are nobody's business. */
function kindOf(path: string): string {
  return path.replace(/[/?].*/, "");
}

/**
 * Where the management API of a broker is unless somebody says otherwise: Amazon MQ has it behind
 * HTTPS on the broker's host, a broker of one's own on RabbitMQ's own port.
 */
export function managementUrlOf(url: string): string {
  const { protocol, hostname } = new URL(url);
  return protocol === "amqps:" ? `https://${hostname}` : `http://${hostname}:15672`;
}

/** `amqp://host/%2f` and `amqp://host` both mean the vhost `/`. */
export function vhostOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || "/";
}

async function textOf(answer: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      throw new ManagementError(`the management API answers with more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function isAnswer(cause: unknown): boolean {
  return cause instanceof z.ZodError || cause instanceof SyntaxError;
}
