import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";

/** A mistake that somebody could make in Warren, as an edit of one of its files. */
type Edit = { file: string; from: RegExp; to: string };

/** Faults that the suite must notice. Planted only in the processes under test (planted.ts). */
export const faults: Readonly<Record<string, readonly Edit[]>> = {
  "complete-before-apply": [
    {
      file: "lib/pipeline/group.ts",
      from: /(?=const tried = await tryGroup\(group, batch\);)/,
      to: "await batch.claims.complete(group); ",
    },
    {
      file: "lib/pipeline/process-batch.ts",
      from: /(?=const tried = await tryGroup\(group, batch\);)/,
      to: "await batch.claims.complete(group); ",
    },
    {
      file: "lib/pipeline/alone.ts",
      from: /(?=const \w+ = await tryUnder\(claim\);)/,
      to: "await claims.complete([{ letter, claim }]); ",
    },
    {
      file: "lib/pipeline/settle.ts",
      from: /await claims\.complete\(done\);/,
      to: "[] as typeof done;",
    },
  ],
  "ack-before-settle": [
    {
      file: "lib/host/poller.ts",
      from: /(?=verdict = await settle\(batch\);)/,
      to: "channel.ack(batch.at(-1)!.message, true); ",
    },
    {
      file: "lib/host/poller.ts",
      from: /if \(verdict === "ack"\) channel\.ack\(message, true\);/,
      to: 'if (verdict === "ack") {}',
    },
    {
      file: "lib/host/poller.ts",
      from: /channel\.reject\(message, true\)/,
      to: "void message",
    },
  ],
  "send-unmarked": [
    {
      file: "lib/pipeline/alone.ts",
      from: /await claims\.markSending\(claim\);/,
      to: "",
    },
  ],
};

const VARIABLE = "GUARANTEES_FAULT";

/** Variables that make a Node process and its forks run Warren with this fault. */
export function plantedIn(fault: string | undefined): Record<string, string> {
  if (fault === undefined) return {};
  const module = pathToFileURL(join(import.meta.dirname, "planted.ts")).href;
  return { NODE_OPTIONS: `--import ${module}`, [VARIABLE]: fault };
}

/** The edits of this process' fault, by the URL of the file. */
export function editsHere(env: NodeJS.ProcessEnv): Map<string, Edit[]> {
  const fault = env[VARIABLE] ?? "";
  const edits = faults[fault];
  if (edits === undefined) throw new Error(`no fault is called "${fault}"`);
  return Map.groupBy(edits, ({ file }) => pathToFileURL(join(ROOT, file)).href);
}

/** Throws unless each edit finds exactly one place: the file has changed, so change the fault too. */
export function edited(source: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { file, from, to }) => {
    const count = text.split(from).length - 1;
    if (count !== 1) throw new Error(`${file} has ${count} places like ${from}`);
    return text.replace(from, to);
  }, source);
}
