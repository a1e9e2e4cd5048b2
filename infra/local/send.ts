import { contracts, eventTypes } from "../../events/catalogue.ts";
import { known } from "../cli/nearest.ts";
import { status } from "./status.ts";

const USAGE = `Usage: warren send <type>

Posts the sample of an event type (events/) to the ingest that npm start runs, and prints its answer.`;

const ANSWER_MS = 20_000;

/** `warren send <type>`; exit code 0 when the event was taken. */
export async function command([type, ...rest]: string[]): Promise<number> {
  if (type === undefined || rest.length > 0 || type === "--help") {
    console.error(USAGE);
    return type === "--help" ? 0 : 2;
  }
  const contract = contracts.find((one) => one.type === type);
  if (contract === undefined) {
    console.error(`${type} is no event type of events/: ${known(type, eventTypes)}`);
    return 2;
  }
  const { url, key, ready } = (await status()).functions["ingest"] ?? {};
  if (url === undefined || key === undefined || ready !== true) {
    console.error("No ingest runs here: `npm start` starts it, `npm run status` says what runs.");
    return 1;
  }
  const answer = await fetch(`${url}/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ type, data: contract.sample }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  console.log(`${answer.status} ${await answer.text()}`);
  return answer.status === 202 ? 0 : 1;
}
