import type { Command } from "commander";
import { contracts, eventTypes } from "../../events/catalogue.ts";
import { exit, FailedError, UsageError } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { known } from "../cli/nearest.ts";
import { status } from "./status.ts";

const ANSWER_MS = 20_000;

/** `warren send <type>`; exit code 0 when ingest took the event. */
export function define(command: Command): void {
  command
    .description("Post the sample of an event type (events/) to the ingest of `warren start`.")
    .argument("<type>", "event type; `warren catalogue` lists them")
    .addHelpText("after", notes("warren send order.created"))
    .action(send);
}

async function send(type: string): Promise<void> {
  const contract = contracts.find((one) => one.type === type);
  if (contract === undefined) {
    throw new UsageError(`${type} is not an event type of events/: ${known(type, eventTypes)}`);
  }
  const { url, key, ready } = (await status()).functions["ingest"] ?? {};
  if (url === undefined || key === undefined || ready !== true) {
    throw new FailedError(
      "ingest does not run here. Start it with `npm start`; `npm run status` shows what runs.",
    );
  }
  const answer = await fetch(`${url}/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ type, data: contract.sample }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  console.log(`${answer.status} ${await answer.text()}`);
  exit(answer.status === 202 ? 0 : 1);
}
