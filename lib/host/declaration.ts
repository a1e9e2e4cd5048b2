import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { type Mapping, mappingOf, rabbitmqEvent } from "../trigger/mapping.ts";

/** What serverless.yml says is wrong or cannot be hosted; the message names every place. */
export class DeclarationError extends Error {
  override name = "DeclarationError";
}

export type DeclaredHandler = {
  /** The function's. */
  name: string;
  /** The module's file, absolute, and its export. */
  file: string;
  exported: string;
};

export type HostedFunction = DeclaredHandler & {
  timeoutMs: number;
  trigger: Trigger;
};

export type Trigger =
  | ({ kind: "queue" } & Mapping)
  | { kind: "http" }
  | { kind: "schedule"; everyMs: number };

/** Lambda's own, where serverless.yml says nothing. */
const DEFAULT_TIMEOUT_S = 6;
/** Timers hold 2^31 ms. */
const LONGEST_RATE_MS = 24 * 24 * 3_600_000;

const document = z.looseObject({
  functions: z.record(
    z.string(),
    z.looseObject({
      handler: z
        .string()
        .regex(
          /^[\w./-]+\.\w+$/,
          "must be a path and an export, as in functions/x/handler.handler",
        ),
      timeout: z.int().min(1).max(900).default(DEFAULT_TIMEOUT_S),
      events: z.array(z.record(z.string(), z.unknown())).default([]),
    }),
  ),
});

/** Where the broker is and who may read it is the deployment's; the host has RABBITMQ_URL. */
const rabbitmq = rabbitmqEvent.extend({
  queue: z.string().regex(/^[A-Za-z0-9._-]+$/, "must be the literal name of a queue"),
});

/** What the host reads of each kind of event; these must be literal. */
const READ: Record<string, readonly string[]> = {
  rabbitmq: ["queue", "batchSize", "maximumBatchingWindow", "enabled", "filterPatterns"],
};

/**
 * Reads `functions.*.{handler, timeout, events}` of serverless.yml; functions without an event are
 * left out. Throws DeclarationError for what is malformed, for a variable (`${…}`) where the host needs
 * the value, and for events that the host has no trigger for.
 */
export async function readDeclaration(root: string): Promise<HostedFunction[]> {
  return declarationOf(await contentOf(root), root);
}

/** Where the code of each function is, also of those without an event. Throws DeclarationError. */
export async function readHandlers(root: string): Promise<DeclaredHandler[]> {
  const { functions } = documentOf(await contentOf(root));
  return Object.entries(functions).map(([name, { handler }]) => handlerAt(root, name, handler));
}

export function declarationOf(content: unknown, root: string): HostedFunction[] {
  const problems: string[] = [];
  const functions: HostedFunction[] = [];
  for (const [name, declared] of Object.entries(documentOf(content).functions)) {
    const { trigger, problem } = triggerOf(declared.events);
    if (problem !== undefined) problems.push(`${name}: ${problem}`);
    if (trigger === undefined) continue;
    const timeoutMs = declared.timeout * 1_000;
    functions.push({ ...handlerAt(root, name, declared.handler), timeoutMs, trigger });
  }
  if (problems.length > 0) throw refusal(problems);
  return functions;
}

async function contentOf(root: string): Promise<unknown> {
  return parse(await readFile(join(root, "serverless.yml"), "utf8"), { logLevel: "error" });
}

function documentOf(content: unknown): z.infer<typeof document> {
  const problems = variablesIn(content);
  const { data, error } = document.safeParse(content);
  if (problems.length === 0 && error) problems.push(...linesOf(error));
  if (data === undefined || problems.length > 0) throw refusal(problems);
  return data;
}

function handlerAt(root: string, name: string, handler: string): DeclaredHandler {
  const dot = handler.lastIndexOf(".");
  return {
    name,
    file: join(root, `${handler.slice(0, dot)}.ts`),
    exported: handler.slice(dot + 1),
  };
}

type Event = Record<string, unknown>;
type Found = { trigger?: Trigger | undefined; problem?: string };

/** The one trigger of a function; an HTTP function has an event for each of its routes. */
function triggerOf(events: readonly Event[]): Found {
  const found = events.map(oneTrigger);
  const problem = found.find((one) => one.problem !== undefined);
  if (problem) return problem;
  const triggers = found.flatMap(({ trigger }) => trigger ?? []);
  const isOne = triggers.length < 2 || triggers.every(({ kind }) => kind === "http");
  return isOne
    ? { trigger: triggers[0] }
    : { problem: "has several triggers; the host runs one queue, one schedule or HTTP routes" };
}

function oneTrigger(event: Event): Found {
  const kinds = Object.keys(event);
  const [kind = "nothing"] = kinds;
  if (kinds.length > 1) return { problem: `one event names ${kinds.join(" and ")}` };
  switch (kind) {
    case "httpApi":
      return { trigger: { kind: "http" } };
    case "rabbitmq":
      return queueTrigger(event[kind]);
    case "schedule":
      return scheduleTrigger(event[kind]);
    default:
      return {
        problem: `the host has no trigger for ${kind} events (rabbitmq, httpApi, schedule)`,
      };
  }
}

function queueTrigger(settings: unknown): Found {
  const { data, error } = rabbitmq.safeParse(settings);
  if (error) return { problem: linesOf(error, "rabbitmq").join("; ") };
  return { trigger: { kind: "queue", ...mappingOf(data) } };
}

const UNITS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

function scheduleTrigger(schedule: unknown): Found {
  const [, amount, unit] = /^rate\((\d{1,6}) (minute|hour|day)s?\)$/.exec(String(schedule)) ?? [];
  const everyMs = Number(amount) * (UNITS[unit ?? ""] ?? Number.NaN);
  if (everyMs > 0 && everyMs <= LONGEST_RATE_MS) return { trigger: { kind: "schedule", everyMs } };
  const given = typeof schedule === "string" ? schedule : JSON.stringify(schedule);
  return { problem: `schedule ${given}: the host knows rate(n minutes|hours|days) up to 24 days` };
}

/** Every variable that stands where the host needs a value. */
function variablesIn(content: unknown): string[] {
  const problems: string[] = [];
  const check = (place: string, value: unknown) => {
    if (typeof value === "string" && value.includes("${")) {
      problems.push(`${place}: ${value} is a variable; the host reads literal values only`);
    }
  };
  const checkAll = (place: string, value: unknown) => {
    check(place, value);
    for (const [key, inner] of entries(value)) checkAll(`${place}.${key}`, inner);
  };
  for (const [name, declared] of entries(at(content, "functions"))) {
    check(name, declared);
    check(`${name}.handler`, at(declared, "handler"));
    check(`${name}.timeout`, at(declared, "timeout"));
    check(`${name}.events`, at(declared, "events"));
    for (const [, event] of entries(at(declared, "events"))) {
      check(`${name}.events`, event);
      for (const [kind, settings] of entries(event)) {
        check(`${name}.events.${kind}`, settings);
        for (const key of READ[kind] ?? []) {
          checkAll(`${name}.events.${kind}.${key}`, at(settings, key));
        }
      }
    }
  }
  return problems;
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function at(value: unknown, key: string): unknown {
  return entries(value).find(([name]) => name === key)?.[1];
}

function linesOf({ issues }: z.ZodError, prefix?: string): string[] {
  return issues.map(({ path, message }) => {
    const place = [...(prefix === undefined ? [] : [prefix]), ...path].join(".");
    return `${place || "the file"}: ${message}`;
  });
}

function refusal(problems: readonly string[]): DeclarationError {
  return new DeclarationError(`serverless.yml:\n  ${problems.join("\n  ")}`);
}
