import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMap, isNode, parseDocument } from "yaml";
import { readDeclaration, readHandlers } from "../../lib/host/declaration.ts";
import { known } from "../cli/nearest.ts";
import { exists } from "../service/tools.ts";

/** The function cannot be created. The message names every reason and what would be right. */
export class ScaffoldError extends Error {
  override name = "ScaffoldError";
}

/** Real source, checked, linted and tested in place. Its copies have the same folder depth. */
const TEMPLATE = join(import.meta.dirname, "../function-template");
const TEMPLATE_NAME = "function-template";
/** The template's part of serverless.yml. */
const ENTRY = "entry.yml";
const ACCEPTS = /export const accepts = \[[^\]]*\]/;

/** Lambda allows 64 characters, and service and stage use some of them. */
const LONGEST_NAME = 40;

type Made = {
  /** Paths relative to the project, in reading order. */
  files: string[];
  queue: string;
  /** The variable that the new function requires. */
  variable: string;
};

/**
 * Writes functions/<name>/ and its entry in serverless.yml, whose comments stay. Throws
 * ScaffoldError or DeclarationError, before anything is written.
 */
export async function newFunction({
  root,
  name,
  accepts,
  eventTypes,
}: {
  root: string;
  name: string;
  /** Accepted event types; an empty list means all. */
  accepts: readonly string[];
  /** All known event types. */
  eventTypes: readonly string[];
}): Promise<Made> {
  const folder = join("functions", name);
  const queue = `events.${name}`;
  const serverless = join(root, "serverless.yml");
  const text = await readFile(serverless, "utf8");
  const problems = [
    ...wrongName(name),
    ...((await exists(join(root, folder))) ? [`${folder}/ exists already`] : []),
    ...(await taken(root, name, queue)),
    ...unknownTypes(accepts, eventTypes),
  ];
  if (problems.length > 0) throw new ScaffoldError(problems.join("\n"));

  const renamed = renamer(name);
  const declared = withEntry(text, renamed(await readFile(join(TEMPLATE, ENTRY), "utf8")));
  const files = (await readdir(TEMPLATE)).filter((file) => file !== ENTRY);
  const types = accepts.length > 0 ? accepts : eventTypes;
  await mkdir(join(root, folder), { recursive: true });
  for (const file of files) {
    const source = renamed(await readFile(join(TEMPLATE, file), "utf8"));
    const list = `export const accepts = [${types.map((type) => `"${type}"`).join(", ")}]`;
    await writeFile(join(root, folder, file), source.replace(ACCEPTS, list));
  }
  await writeFile(serverless, declared);

  return {
    files: [...READING.filter((file) => files.includes(file)), ...files.filter(isOther)].map(
      (file) => join(folder, file),
    ),
    queue,
    variable: renamed("FUNCTION_TEMPLATE_WEBHOOK_URL"),
  };
}

const READING = [
  "accepts.ts",
  "consumer.ts",
  "request.ts",
  "webhook.ts",
  "config.ts",
  "handler.ts",
];
const isOther = (file: string) => !READING.includes(file);

function wrongName(name: string): string[] {
  const right = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= LONGEST_NAME;
  if (right) return [];
  return [
    `a function name has lower-case letters and digits, words joined by "-", such as order-mails, ` +
      `and at most ${LONGEST_NAME} characters`,
  ];
}

/** Also functions without a trigger have a name. */
async function taken(root: string, name: string, queue: string): Promise<string[]> {
  const handlers = await readHandlers(root);
  const users = (await readDeclaration(root)).filter(
    (one) => one.name !== name && one.trigger.kind === "queue" && one.trigger.queue === queue,
  );
  return [
    ...(handlers.some((one) => one.name === name) ? [`serverless.yml has a function ${name}`] : []),
    ...users.map(
      (one) => `${one.name} already uses queue ${queue} in serverless.yml: choose another name`,
    ),
  ];
}

function unknownTypes(accepts: readonly string[], eventTypes: readonly string[]): string[] {
  return accepts
    .filter((type) => !eventTypes.includes(type))
    .map((type) => `${type} is not an event type of events/: ${known(type, eventTypes)}`);
}

/** The three spellings of a name: for files and queues, for variables, for identifiers. */
function renamer(name: string): (text: string) => string {
  const camel = (kebab: string) =>
    kebab.replace(/-(.)/g, (_, first: string) => first.toUpperCase());
  const upper = (kebab: string) => kebab.replaceAll("-", "_").toUpperCase();
  return (text) =>
    text
      .replaceAll(TEMPLATE_NAME, name)
      .replaceAll(upper(TEMPLATE_NAME), upper(name))
      .replaceAll(camel(TEMPLATE_NAME), camel(name));
}

/** Inserts the entry after the last function. Leaves all other text unchanged. */
function withEntry(serverless: string, entry: string): string {
  const functions = parseDocument(serverless).get("functions");
  const last = isMap(functions) && functions.flow !== true ? functions.items.at(-1) : undefined;
  if (!isNode(last?.key) || !isNode(last.value)) {
    throw new ScaffoldError("serverless.yml: functions must be a block with at least one function");
  }
  const indent = last.key.range![0] - (serverless.lastIndexOf("\n", last.key.range![0]) + 1);
  const text = serverless.slice(0, last.value.range![1]).trimEnd();
  const rest = serverless.slice(text.length);
  const lineEnd = rest.indexOf("\n") < 0 ? rest.length : rest.indexOf("\n");
  const indented = entry.trimEnd().replaceAll(/^(?=.)/gm, " ".repeat(indent));
  return `${text}${rest.slice(0, lineEnd)}\n\n${indented}${rest.slice(lineEnd) || "\n"}`;
}
