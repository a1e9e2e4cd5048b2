import { hash } from "node:crypto";
import type { GetMessage } from "amqplib";
import { checkBounds, checkEnvelope, digestOf, parseJson } from "../../lib/envelope/envelope.ts";
import { RETENTION_DAYS } from "../../lib/ledger/ledger.ts";
import { HEADER } from "../../lib/rabbit/headers.ts";
import { deliveryHeaders } from "../../lib/trigger/event.ts";
import { EVENTS_EXCHANGE } from "../../lib/rabbit/names.ts";

/** A message that waits for an operator's decision, as far as it is readable. */
export type DeadLetter = {
  /** The event's id. For other messages, `sha256:` and the first digits of the body's hash. */
  id: string;
  source: string | undefined;
  tenant: string | undefined;
  type: string | undefined;
  /** Distinguishes events with the same id. For other messages, the hash of the body. */
  digest: string;
  generation: number;
  attempts: number;
  reason: string;
  error: string | undefined;
  /** Epoch ms. */
  deadAt: number | undefined;
  /** Epoch ms. */
  firstFailedAt: number | undefined;
};

/**
 * Reads a dead letter from a function (Warren's headers) or from the broker (`x-death`). An unconsumed
 * event still has its original exchange, because no function handled it.
 */
export function deadLetterOf({ content, fields, properties }: GetMessage): DeadLetter {
  const headers: Record<string, unknown> = properties.headers ?? {};
  const { attempt, generation, firstFailedAt } = deliveryHeaders(headers);
  const byBroker = deathByBroker(headers);
  return {
    ...eventIn(content),
    generation,
    attempts: attempt,
    reason:
      text(headers[HEADER.reason]) ??
      byBroker.reason ??
      (fields.exchange === EVENTS_EXCHANGE ? UNWANTED : "unknown"),
    error: text(headers[HEADER.error]),
    deadAt: time(headers[HEADER.deadAt]) ?? byBroker.deadAt,
    firstFailedAt,
  };
}

/** Whether the ledger no longer knows what became of it: if its effect was made, a retry makes it again. */
export function isForgotten({ deadAt }: Pick<DeadLetter, "deadAt">, now: number): boolean {
  return deadAt !== undefined && now - deadAt > RETENTION_DAYS * 86_400_000;
}

const UNWANTED = "nobody consumes this type";

function eventIn(
  body: Uint8Array,
): Pick<DeadLetter, "id" | "source" | "tenant" | "type" | "digest"> {
  const fingerprint = hash("sha256", body, "hex");
  const nameless = { id: `sha256:${fingerprint.slice(0, 12)}`, digest: fingerprint };
  const unreadable = { ...nameless, source: undefined, tenant: undefined, type: undefined };
  let document: unknown;
  try {
    document = parseJson(body);
  } catch {
    return unreadable;
  }
  if (checkBounds(document).length > 0) return unreadable;
  const { value } = checkEnvelope(document, Number.POSITIVE_INFINITY);
  if (value) {
    const { id, source, tenant_id: tenant, type } = value;
    return { id, source, tenant, type, digest: digestOf(value) };
  }
  const fields = Object(document) as Record<string, unknown>;
  return {
    ...nameless,
    ...(text(fields["id"]) !== undefined && { id: text(fields["id"])! }),
    source: text(fields["source"]),
    tenant: text(fields["tenant_id"]),
    type: text(fields["type"]),
  };
}

/** The broker's own header on a message that it moves. The latest entry is first. */
function deathByBroker(headers: Record<string, unknown>): {
  reason: string | undefined;
  deadAt: number | undefined;
} {
  const deaths = headers["x-death"];
  const latest = Object(Array.isArray(deaths) ? deaths[0] : undefined) as Record<string, unknown>;
  const reason = text(latest["reason"]);
  const seconds = (Object(latest["time"]) as Record<string, unknown>)["value"];
  return {
    reason: reason && `by the broker: ${reason}`,
    deadAt: typeof seconds === "number" ? time(seconds * 1_000) : undefined,
  };
}

/** One line for a terminal. Data from clients may contain control characters. */
function text(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  return value.replace(/\p{Cc}+/gu, " ").slice(0, 2_048);
}

function time(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= 8.64e15
    ? (value as number)
    : undefined;
}

/** Which dead letters a command selects; `undefined` matches any value. */
export type Selection = {
  ids: ReadonlySet<string> | undefined;
  source: string | undefined;
  tenant: string | undefined;
  reason: string | undefined;
};

export function isSelected(
  { ids, source, tenant, reason }: Selection,
  letter: DeadLetter,
): boolean {
  return (
    (ids === undefined || ids.has(letter.id)) &&
    (source === undefined || source === letter.source) &&
    (tenant === undefined || tenant === letter.tenant) &&
    (reason === undefined || reason === letter.reason)
  );
}

type Group = DeadLetter & { copies: number };

/**
 * Dead letters are at least once: a lost confirm leaves a second copy. Counts the copies of each event and
 * generation, in the order of the first copy, and shows the latest copy.
 */
export function grouped(letters: readonly DeadLetter[]): Group[] {
  const groups = new Map<string, Group>();
  for (const letter of letters) {
    const { tenant, source, id, digest, generation } = letter;
    const key = JSON.stringify([tenant, source, id, digest, generation]);
    groups.set(key, { ...letter, copies: (groups.get(key)?.copies ?? 0) + 1 });
  }
  return [...groups.values()];
}

const COLUMNS = [
  "DEAD AT",
  "ID",
  "TYPE",
  "SOURCE",
  "TENANT",
  "ATTEMPTS",
  "GENERATION",
  "COPIES",
  "REASON",
];

/** A line of headings, then a line for each group. */
export function table(groups: readonly Group[]): string {
  const rows = groups.map((group) => [
    isoTime(group.deadAt),
    group.id,
    group.type ?? "-",
    group.source ?? "-",
    group.tenant ?? "-",
    String(group.attempts),
    String(group.generation),
    String(group.copies),
    group.reason,
  ]);
  const widths = COLUMNS.map((heading, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]!.length), heading.length),
  );
  return [COLUMNS, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** UTC, with seconds. */
export function isoTime(ms: number | undefined): string {
  return ms === undefined ? "-" : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
