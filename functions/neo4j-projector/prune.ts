import { readConfig } from "../../lib/config.ts";
import type { InvocationContext } from "../../lib/runtime/context.ts";
import { openExposition } from "../../lib/runtime/exposition.ts";
import { scheduledHandler } from "../../lib/runtime/scheduled-handler.ts";
import { openLedger, type OpenLedger } from "../../lib/ledger/open-ledger.ts";
import { logger } from "../../lib/log.ts";
import { pruneConfig } from "./config.ts";
import { name } from "./consumer.ts";
import { openNeo4j } from "../../kit/neo4j/neo4j.ts";
import { DAY_MS } from "./graph.ts";
import { pruneProofs, type Rule } from "./pruning.ts";

const settings = readConfig(pruneConfig, process.env);
const { NEO4J_URL: url, NEO4J_USER: user, NEO4J_PASSWORD: password, LOG_LEVEL: level } = settings;
const log = logger({ level, name: "neo4j-prune" });
const exposition = openExposition({ config: settings, log });
const neo4j = openNeo4j({ url, user, password });

/** Time that is kept free for the current page, ms. */
const MARGIN_MS = 20_000;

export const { metrics } = exposition;
export const handler = scheduledHandler({ name: "neo4j-prune", exposition, run });

/** The next run continues with the proofs that this one did not reach. */
async function run(context: InvocationContext): Promise<void> {
  const stop = AbortSignal.timeout(Math.max(1, context.getRemainingTimeInMillis() - 1_000));
  const signal = context.signal === undefined ? stop : AbortSignal.any([stop, context.signal]);
  const pruned = await pruneProofs({
    neo4j,
    rule: (rule ??= await readRule()),
    now: Date.now,
    hasTime: () => context.getRemainingTimeInMillis() > MARGIN_MS,
    signal,
  });
  if (pruned.complete) log.info(pruned, "pruned proofs");
  else log.warn(pruned, "ran out of time: prune more often, or proofs accumulate");
}

export async function close(): Promise<void> {
  ledger?.close();
  await neo4j.close();
}

let rule: Rule | undefined;
let ledger: OpenLedger | undefined;

async function readRule(): Promise<Rule> {
  if (settings.LEDGER === "none") {
    return { ledger: undefined, ageMs: settings.PROOF_DAYS * DAY_MS };
  }
  const consumer = { name, repeatable: true };
  const tools = { now: Date.now, random: Math.random, warn: (text: string) => log.warn(text) };
  ledger = await openLedger({ config: settings, consumer, ...tools });
  return { ledger };
}
