import { pino, type Logger } from "pino";

export type { Logger } from "pino";

/**
 * JSON lines on stdout. Payloads and secrets are never handed to it, so nothing has to be redacted;
 * errors go under `err`.
 */
export function logger({ level, name }: { level: string; name: string }): Logger {
  return pino({ level, name, base: { name }, timestamp: pino.stdTimeFunctions.isoTime });
}
