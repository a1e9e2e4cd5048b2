import { type Command, Option } from "commander";
import * as z from "zod";
import { RETENTION_DAYS } from "../../lib/ledger/ledger.ts";
import { HEADER } from "../../lib/rabbit/headers.ts";
import { UNCONSUMED } from "../../lib/rabbit/names.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { FailedError, UsageError } from "../cli/errors.ts";
import { as, notes } from "../cli/help.ts";
import { brokerAddress } from "./address.ts";
import { borrow, type Target } from "./borrow.ts";
import { readConsumers } from "./consumers.ts";
import {
  type DeadLetter,
  deadLetterOf,
  grouped,
  isForgotten,
  isoTime,
  isSelected,
  type Selection,
  table,
} from "./dead-letter.ts";

const QUEUE =
  "the work queue, such as events.neo4j, or its dead.events.neo4j; or events.unconsumed, " +
  "with the events that no function accepts";
const VARIABLES = { RABBITMQ_URL: "broker (default: the one of `warren start`)" };
const limit = z.coerce
  .number("must be 1 to 9999999")
  .int("must be 1 to 9999999")
  .min(1, "must be 1 to 9999999")
  .max(9_999_999, "must be 1 to 9999999");

type Flags = {
  limit: number;
  id?: string[];
  source?: string;
  tenant?: string;
  reason?: string;
  all?: boolean;
  yes?: boolean;
  json?: boolean;
};

/** `warren dead-letters …` */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren dead-letters list events.neo4j"));
  verb(command, "list", "warren dead-letters list events.neo4j")
    .description("Print one line for each event: id, reason, attempts.")
    .addOption(ids("only the event with this id; repeatable"))
    .option("--reason <reason>", "only with this reason")
    .option("--source <source>", "only from this source")
    .option("--tenant <tenant>", "only of this tenant")
    .option(
      "--json",
      "print an array of objects: id, source, tenant, type, reason, attempts, deadAt, …",
    )
    .action(async (queue: string, flags: Flags) =>
      list(await targetOf(queue, flags), selectionOf(flags), flags.json ?? false),
    );
  verb(command, "show", "warren dead-letters show events.neo4j 0198c0de")
    .description("Print headers, error and body of an event.")
    .argument("<id>", "id of the event, as listed")
    .option("--source <source>", "only from this source")
    .option("--tenant <tenant>", "only of this tenant")
    .option("--json", "print an array of objects: reason, error, attempts, headers, body, …")
    .action(async (queue: string, id: string, flags: Flags) =>
      show(await targetOf(queue, flags), selectionOf({ ...flags, id: [id] }), flags.json ?? false),
    );
  selecting(verb(command, "retry", 'warren dead-letters retry events.neo4j --reason "timeout"'))
    .description("Publish again, as the next generation. Removes each one once it is confirmed.")
    .option("--yes", `also those that died more than ${RETENTION_DAYS} days ago`)
    .action(async (queue: string, flags: Flags) => {
      needsWhich(flags);
      const target = await targetOf(queue, flags);
      if (target.queue === UNCONSUMED) await routeAgain(target, selectionOf(flags));
      else await retry(target, selectionOf(flags), flags.yes ?? false);
    });
  selecting(
    verb(command, "discard", "warren dead-letters discard events.neo4j --id 0198c0de --yes"),
  )
    .description("Remove for good.")
    .option("--yes", "do it; without it, only the number is printed")
    .action(async (queue: string, flags: Flags) => {
      needsWhich(flags);
      await discard(await targetOf(queue, flags), selectionOf(flags), flags.yes ?? false);
    });
}

function verb(command: Command, name: string, example: string): Command {
  return command
    .command(name)
    .argument("<queue>", QUEUE)
    .addOption(
      new Option("--limit <number>", "how many messages to read, from the oldest")
        .default(1_000)
        .argParser(as(limit)),
    )
    .addHelpText("after", notes(example, VARIABLES));
}

function ids(description: string): Option {
  return new Option("--id <id>", description).argParser((id, before: string[] | undefined) => [
    ...(before ?? []),
    id,
  ]);
}

function selecting(command: Command): Command {
  return command
    .addOption(ids("the event with this id; repeatable"))
    .option("--reason <reason>", "the events with this reason, as listed")
    .option("--all", "all of them")
    .option("--source <source>", "only from this source")
    .option("--tenant <tenant>", "only of this tenant");
}

async function targetOf(name: string, { limit }: Flags): Promise<Target> {
  const { url } = await brokerAddress(process.env);
  return { url, queue: name.replace(/^dead\./, ""), limit };
}

function selectionOf({ id, source, tenant, reason }: Flags): Selection {
  return { ids: id && new Set(id), source, tenant, reason };
}

function needsWhich({ id, reason, all = false }: Flags): void {
  const given = [id !== undefined, reason !== undefined, all].filter(Boolean).length;
  if (given === 0) throw new UsageError("say which: --id, --reason or --all");
  if (all && given > 1) throw new UsageError("--all goes with neither --id nor --reason");
}

async function list(target: Target, selection: Selection, json: boolean): Promise<void> {
  await borrow(target, async ({ letters, ready }) => {
    const found = [];
    for await (const message of letters) {
      const letter = deadLetterOf(message);
      if (isSelected(selection, letter)) found.push(letter);
    }
    const groups = grouped(found);
    if (json) {
      console.log(JSON.stringify(groups.map(withTimes), null, 2));
    } else {
      console.log(groups.length === 0 ? "no dead letters" : table(groups));
    }
    noteLimit(target, ready);
  });
}

/** For JSON output, with times in ISO 8601. */
function withTimes<T extends Pick<DeadLetter, "deadAt" | "firstFailedAt">>(letter: T) {
  const iso = (at: number | undefined) => (at === undefined ? undefined : isoTime(at));
  return { ...letter, deadAt: iso(letter.deadAt), firstFailedAt: iso(letter.firstFailedAt) };
}

type Shown = DeadLetter & { headers: Record<string, unknown>; body: string };

async function show(target: Target, selection: Selection, json: boolean): Promise<void> {
  await borrow(target, async ({ letters, ready }) => {
    const shown: Shown[] = [];
    for await (const message of letters) {
      const letter = deadLetterOf(message);
      if (!isSelected(selection, letter)) continue;
      const headers: Record<string, unknown> = message.properties.headers ?? {};
      shown.push({ ...letter, headers, body: readable(message.content) });
    }
    if (json) console.log(JSON.stringify(shown.map(withTimes), null, 2));
    else for (const one of shown) console.log(textOf(one));
    noteLimit(target, ready);
    if (shown.length === 0) throw new FailedError("no such dead letter");
  });
}

function textOf(one: Shown): string {
  return [
    `source        ${one.source ?? "-"}`,
    `reason        ${one.reason}`,
    `error         ${one.error ?? "-"}`,
    `attempts      ${one.attempts} (generation ${one.generation})`,
    `first failed  ${isoTime(one.firstFailedAt)}`,
    `dead at       ${isoTime(one.deadAt)}`,
    `digest        ${one.digest}`,
    `headers       ${JSON.stringify(one.headers)}`,
    `body          ${one.body}`,
    "",
  ].join("\n");
}

/**
 * Publishes the next generation at attempt 1, and removes the original only after the confirm
 * (docs/message-lifecycle.md, rule 12).
 */
async function retry(target: Target, selection: Selection, yes: boolean): Promise<void> {
  const publisher = rabbitPublisher({ url: target.url, name: "warren dead-letters retry" });
  try {
    await borrow(target, async ({ channel, letters, ready }) => {
      let retried = 0;
      let forgotten = 0;
      try {
        for await (const message of letters) {
          const letter = deadLetterOf(message);
          if (!isSelected(selection, letter)) continue;
          if (isForgotten(letter, Date.now())) {
            forgotten += 1;
            if (!yes) continue;
          }
          await publisher.publish({
            exchange: "",
            routingKey: target.queue,
            body: message.content,
            headers: { [HEADER.attempt]: 1, [HEADER.generation]: letter.generation + 1 },
          });
          channel.ack(message);
          retried += 1;
        }
      } finally {
        console.log(`${retried} published to ${target.queue} and removed from its dead letters`);
      }
      noteLimit(target, ready);
      const warning = `${forgotten} died more than ${RETENTION_DAYS} days ago. The ledger has forgotten them: an effect that was made is made again`;
      const left = `not moved: ${warning}. To publish them all the same, add --yes`;
      if (retried === 0) throw new FailedError(forgotten > 0 ? left : "no such dead letter");
      if (forgotten > 0) console.error(yes ? warning : left);
    });
  } finally {
    await publisher.close();
  }
}

/**
 * Publishes unconsumed events to the queues of the functions that now accept them. It does not use the
 * exchange: without the new bindings, the exchange would return them to the unconsumed queue and confirm.
 * No function has handled them, so they keep generation and attempt. Events that no function accepts stay.
 */
async function routeAgain(target: Target, selection: Selection): Promise<void> {
  const consumers = await readConsumers();
  const publisher = rabbitPublisher({ url: target.url, name: "warren dead-letters retry" });
  try {
    await borrow(target, async ({ channel, letters, ready }) => {
      const unwanted = new Set<string>();
      let sent = 0;
      try {
        for await (const message of letters) {
          if (!isSelected(selection, deadLetterOf(message))) continue;
          const { routingKey: type } = message.fields;
          const wanting = consumers.filter(({ accepts }) => accepts.includes(type));
          if (wanting.length === 0) {
            unwanted.add(type.replace(/\p{Cc}+/gu, " "));
            continue;
          }
          const body = message.content;
          for (const { queue: routingKey } of wanting) {
            await publisher.publish({ exchange: "", routingKey, body, headers: {} });
          }
          channel.ack(message);
          sent += 1;
        }
      } finally {
        console.log(
          `${sent} published to the functions that accept them and removed from ${UNCONSUMED}`,
        );
      }
      noteLimit(target, ready);
      const left = `not moved: no function accepts ${[...unwanted].join(", ")}`;
      if (sent === 0) throw new FailedError(unwanted.size > 0 ? left : "no such event");
      if (unwanted.size > 0) console.error(left);
    });
  } finally {
    await publisher.close();
  }
}

async function discard(target: Target, selection: Selection, yes: boolean): Promise<void> {
  await borrow(target, async ({ channel, letters, ready }) => {
    let removed = 0;
    for await (const message of letters) {
      if (!isSelected(selection, deadLetterOf(message))) continue;
      if (yes) channel.ack(message);
      removed += 1;
    }
    noteLimit(target, ready);
    if (!yes) {
      throw new FailedError(`this would discard ${removed} dead letters for good: add --yes`);
    }
    console.log(`${removed} discarded`);
    if (removed === 0) throw new FailedError("no such dead letter");
  });
}

function noteLimit({ limit }: Target, ready: number): void {
  if (ready > limit)
    console.error(`read the oldest ${limit} of ${ready} messages: raise --limit to read more`);
}

/** Indented JSON, else the text as it is, else base64. */
function readable(body: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return `(not UTF-8, base64) ${Buffer.from(body).toString("base64")}`;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.replace(/[^\P{Cc}\n\t]/gu, "\uFFFD");
  }
}
