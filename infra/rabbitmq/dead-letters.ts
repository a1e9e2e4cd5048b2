import { parseArgs } from "node:util";
import { ConfigError } from "../../lib/config.ts";
import { TopologyError } from "../../lib/rabbit/apply-topology.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import { HEADER } from "../../lib/rabbit/headers.ts";
import { UNCONSUMED } from "../../lib/rabbit/names.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { brokerAddress } from "./address.ts";
import { borrow, type Target } from "./borrow.ts";
import { readConsumers } from "./consumers.ts";
import {
  deadLetterOf,
  grouped,
  isoTime,
  isSelected,
  type Selection,
  table,
} from "./dead-letter.ts";

const USAGE = `Usage: warren dead-letters <command> <queue>

  list    <queue> [--json]          one line for each event, with id, reason and attempts
  show    <queue> <id>              headers, error and body
  retry   <queue> <which>           publish again, as the next generation; removed once confirmed
  discard <queue> <which> --yes     remove for good; without --yes says what it would remove

  <queue>   the work queue, such as events.neo4j, or its dead.events.neo4j; or events.unconsumed, where
            events lie that no function consumes: retry sends those that one consumes by now
  <which>   --id <id> (repeatable), --reason <reason as listed>, or --all; --tenant <tenant> narrows
  --limit   look at so many messages, from the oldest (default 1000)

The broker is RABBITMQ_URL, else the local one.`;

/** `warren dead-letters …` */
export async function command(args: string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (isUsageError(error)) {
      console.error(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    if (!EXPECTED.some((type) => error instanceof type)) throw error;
    console.error((error as Error).message);
    return 1;
  }
}

const EXPECTED = [
  ConfigError,
  TopologyError,
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
];

class UsageError extends Error {
  override name = "UsageError";
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return (
    error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")
  );
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      id: { type: "string", multiple: true },
      tenant: { type: "string" },
      reason: { type: "string" },
      all: { type: "boolean", default: false },
      yes: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      limit: { type: "string", default: "1000" },
      help: { type: "boolean", default: false },
    },
  });
  const [verb, name, id, ...rest] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (verb === undefined || name === undefined) throw new UsageError("give a command and a queue");
  if (rest.length > 0 || (id !== undefined && verb !== "show")) {
    throw new UsageError(`unexpected ${[id, ...rest].join(" ")}`);
  }
  if (!/^[1-9]\d{0,6}$/.test(values.limit)) throw new UsageError("--limit is a number from 1");

  const limit = Number(values.limit);
  const queue = name.replace(/^dead\./, "");
  const { url } = await brokerAddress(process.env);
  const { tenant, reason, all } = values;
  const selection = { ids: values.id && new Set(values.id), tenant, reason };
  const target = { url, queue, limit };

  switch (verb) {
    case "list":
      return list(target, selection, values.json);
    case "show":
      if (id === undefined) throw new UsageError("show needs the id of a dead letter");
      return show(target, { ...selection, ids: new Set([id]) });
    case "retry":
      needsWhich(selection, all);
      return queue === UNCONSUMED ? routeAgain(target, selection) : retry(target, selection);
    case "discard":
      needsWhich(selection, all);
      return discard(target, selection, values.yes);
    default:
      throw new UsageError(`unknown command ${verb}`);
  }
}

function needsWhich({ ids, reason }: Selection, all: boolean): void {
  const given = [ids !== undefined, reason !== undefined, all].filter(Boolean).length;
  if (given === 0) throw new UsageError("say which: --id, --reason or --all");
  if (all && given > 1) throw new UsageError("--all goes with neither --id nor --reason");
}

async function list(target: Target, selection: Selection, json: boolean): Promise<number> {
  return borrow(target, async ({ letters, ready }) => {
    const found = [];
    for await (const message of letters) {
      const letter = deadLetterOf(message);
      if (isSelected(selection, letter)) found.push(letter);
    }
    const groups = grouped(found);
    if (json) {
      const times = (at: number | undefined) => (at === undefined ? undefined : isoTime(at));
      const rows = groups.map((group) => ({
        ...group,
        deadAt: times(group.deadAt),
        firstFailedAt: times(group.firstFailedAt),
      }));
      console.log(JSON.stringify(rows, null, 2));
    } else {
      console.log(groups.length === 0 ? "no dead letters" : table(groups));
    }
    noteLimit(target, ready);
    return 0;
  });
}

async function show(target: Target, selection: Selection): Promise<number> {
  return borrow(target, async ({ letters, ready }) => {
    let shown = 0;
    for await (const message of letters) {
      const letter = deadLetterOf(message);
      if (!isSelected(selection, letter)) continue;
      shown += 1;
      const { reason, error, deadAt, firstFailedAt, attempts, generation, digest } = letter;
      console.log(
        [
          `reason        ${reason}`,
          `error         ${error ?? "-"}`,
          `attempts      ${attempts} (generation ${generation})`,
          `first failed  ${isoTime(firstFailedAt)}`,
          `dead at       ${isoTime(deadAt)}`,
          `digest        ${digest}`,
          `headers       ${JSON.stringify(message.properties.headers ?? {})}`,
          `body          ${readable(message.content)}`,
          "",
        ].join("\n"),
      );
    }
    noteLimit(target, ready);
    if (shown === 0) console.error("no such dead letter");
    return shown === 0 ? 1 : 0;
  });
}

/**
 * Publishes the next generation at attempt 1, and removes the original only after the confirm
 * (docs/message-lifecycle.md, rule 12).
 */
async function retry(target: Target, selection: Selection): Promise<number> {
  const publisher = rabbitPublisher({ url: target.url, name: "warren dead-letters retry" });
  try {
    return await borrow(target, async ({ channel, letters, ready }) => {
      let retried = 0;
      try {
        for await (const message of letters) {
          const letter = deadLetterOf(message);
          if (!isSelected(selection, letter)) continue;
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
      if (retried === 0) console.error("no such dead letter");
      return retried === 0 ? 1 : 0;
    });
  } finally {
    await publisher.close();
  }
}

/**
 * Gives unconsumed events to the queues of the functions that accept them by now. Not to the exchange: where
 * the topology is not yet applied, that would only put them back, and confirm it. No function has ever seen them, so
 * they stay what they were: first generation, first attempt. What still nobody accepts stays, too.
 */
async function routeAgain(target: Target, selection: Selection): Promise<number> {
  const consumers = await readConsumers();
  const publisher = rabbitPublisher({ url: target.url, name: "warren dead-letters retry" });
  try {
    return await borrow(target, async ({ channel, letters, ready }) => {
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
        console.log(`${sent} published to who accepts them and removed from ${UNCONSUMED}`);
      }
      if (unwanted.size > 0) {
        console.error(`left where they are, since no function accepts ${[...unwanted].join(", ")}`);
      } else if (sent === 0) console.error("no such event");
      noteLimit(target, ready);
      return sent === 0 ? 1 : 0;
    });
  } finally {
    await publisher.close();
  }
}

async function discard(target: Target, selection: Selection, yes: boolean): Promise<number> {
  return borrow(target, async ({ channel, letters, ready }) => {
    let removed = 0;
    for await (const message of letters) {
      if (!isSelected(selection, deadLetterOf(message))) continue;
      if (yes) channel.ack(message);
      removed += 1;
    }
    noteLimit(target, ready);
    if (yes) console.log(`${removed} discarded`);
    else console.error(`this would discard ${removed} dead letters for good: add --yes`);
    return yes && removed > 0 ? 0 : 1;
  });
}

function noteLimit({ limit }: Target, ready: number): void {
  if (ready > limit)
    console.error(`looked at the oldest ${limit} of ${ready}: --limit looks further`);
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
