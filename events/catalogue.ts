import type * as z from "zod";
import {
  checkBounds,
  type Checked,
  checkEnvelope,
  digestOf,
  type Envelope,
  InvalidEventError,
  type Issue,
  issueAt,
  issuesOf,
  parseJson,
  type Received,
} from "../lib/envelope/envelope.ts";
import { inWords } from "../lib/envelope/in-words.ts";
import type { Contract, EventOf } from "./contract.ts";
import * as entities from "./entities.ts";

/** All contracts. */
export const contracts = Object.values(entities).flat() as [Known, ...Known[]];
type Known = (typeof entities)[keyof typeof entities][number];

export type WarrenEvent = EventOf<(typeof contracts)[number]>;
export type EventType = WarrenEvent["type"];
/** The events of some types: the input of a consumer that accepts these types. */
export type EventOfType<Type extends EventType> = Extract<WarrenEvent, { type: Type }>;

export const eventTypes: readonly EventType[] = contracts.map(({ type }) => type);

type Terms = Contract<EventType, z.ZodType>;

/** Types that only functions publish; ingest refuses them. */
export const internalTypes: ReadonlySet<string> = new Set(
  (contracts as readonly Terms[]).filter(({ internal }) => internal).map(({ type }) => type),
);

const byType = new Map<string, Terms>(contracts.map((each) => [each.type, each as Terms]));

/** By type and major version: the schema that reads data of that major into the current version. */
const readers = new Map<string, z.ZodType>(
  [...byType.values()].flatMap(({ type, version, data, older = [] }) => [
    [`${type} ${majorOf(version)}`, data] as const,
    ...older.map((one) => [`${type} ${majorOf(one.version)}`, one.data.pipe(data)] as const),
  ]),
);

/** How far a producer's clock may be ahead of ingest's, ms. */
export const FUTURE_MS = 10 * 60_000;

/** A consumer's clock may lag behind ingest's. Consumers must accept every event that ingest accepted. */
const CONSUMER_FUTURE_MS = 60 * 60_000;

/**
 * Bytes to event, all steps at once: `parseJson`, `checkBounds`, `checkEvent`. `data` is parsed
 * (with `total_minor` and the like) and converted to the current version; the digest covers the
 * received data. Throws NotJsonError, InvalidEventError.
 */
export function parseEvent(body: Uint8Array, now: () => number = Date.now): Received<WarrenEvent> {
  const document = parseJson(body);
  const issues = checkBounds(document);
  if (issues.length > 0) throw new InvalidEventError(issues);
  const checked = checkEvent(document, now() + CONSUMER_FUTURE_MS);
  if (checked.issues !== undefined) throw new InvalidEventError(checked.issues);
  const { envelope, event } = checked.value;
  return { event, digest: digestOf(envelope) };
}

/**
 * Document to event: checks envelope and data together, so that the sender gets all wrong fields at once.
 * The document must be within bounds (`checkBounds`). `envelope` has the data as received, `event` has it parsed. `latest`: epoch ms.
 */
export function checkEvent(
  document: unknown,
  latest: number,
): Checked<{ envelope: Envelope; event: WarrenEvent }> {
  const { value: envelope, issues = [] } = checkEnvelope(document, latest);
  const { type, data, metadata } = (envelope ?? document ?? {}) as Partial<Envelope>;
  if (envelope === undefined && (typeof type !== "string" || data === undefined)) return { issues };

  const terms = byType.get(type ?? "");
  if (terms === undefined) return { issues: [...issues, unknownType(type ?? "")] };
  const version = typeof metadata?.version === "string" ? metadata.version : terms.version;
  const reader = readers.get(`${terms.type} ${majorOf(version)}`);
  if (reader === undefined) return { issues: [...issues, unreadableVersion(terms)] };

  const parsed = reader.safeParse(data, { error: inWords });
  if (!parsed.success) issues.push(...issuesOf(parsed.error, ["data"]));
  if (envelope === undefined || !parsed.success || issues.length > 0) return { issues };
  return { value: { envelope, event: currentOf(envelope, terms, parsed.data) } };
}

/** Sets the version to the current major, because the data is converted to it. */
function currentOf(envelope: Envelope, { version }: Terms, data: unknown): WarrenEvent {
  const { metadata } = envelope;
  const same = majorOf(metadata.version) === majorOf(version);
  return {
    ...envelope,
    data,
    metadata: same ? metadata : { ...metadata, version },
  } as WarrenEvent;
}

/**
 * `parseEvent` for a consumer of these types only. Throws InvalidEventError for any other type, such as
 * one that the function accepted before and that is still in the queue.
 */
export function parserOf<Type extends EventType>(
  accepts: readonly Type[],
): (body: Uint8Array) => Received<EventOfType<Type>> {
  const known = new Set<string>(accepts);
  return (body) => {
    const received = parseEvent(body);
    if (known.has(received.event.type)) return received as Received<EventOfType<Type>>;
    const message = `this function does not accept the type ${received.event.type}`;
    throw new InvalidEventError([issueAt(["type"], message)]);
  };
}

/**
 * The name of the version that this type had before versions existed. `undefined` for most types: for
 * them, an event without a version counts as 1.0.
 */
export function unversionedName(type: string): string | undefined {
  return byType.get(type)?.older?.find(({ version }) => majorOf(version) === 0)?.version;
}

function unknownType(type: string): Issue {
  return issueAt(["type"], `${type.slice(0, 64)} is not an event type of this system`);
}

function unreadableVersion({ type, version, older = [] }: Terms): Issue {
  const majors = [version, ...older.map((one) => one.version)].map((each) => `${majorOf(each)}.x`);
  const message = `${type} is known as version ${majors.join(" and ")} only`;
  return issueAt(["metadata", "version"], message);
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}
