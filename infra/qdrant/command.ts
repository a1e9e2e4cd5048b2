import type { Command } from "commander";
import { connect } from "../../kit/qdrant/connect.ts";
import { CHECK_JSON, conclude } from "../cli/check.ts";
import { notes } from "../cli/help.ts";
import { orLocal } from "../service/or-local.ts";
import { qdrant } from "./service.ts";
import { applyCollections, problemsWith, readAliases } from "./collections.ts";
import { declaredCollections, declaredVectors } from "./declared.ts";
import { readVectors } from "./read-vectors.ts";
import { switchCollections } from "./switching.ts";

const VARIABLES = {
  QDRANT_URL: "address (default: the server of `warren start`)",
  QDRANT_API_KEY: "key of the server",
  QDRANT_PREFIX: "collection name prefix",
  EMBEDDER: "which embedder; EMBEDDING_URL, EMBEDDING_API_KEY, EMBEDDING_MODEL and",
  "": "EMBEDDING_DIMENSIONS as docs/settings.md says",
};

/** `warren vectors …`, of the model that is set. */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren vectors check"));
  command
    .command("create")
    .description("Create the collections that are missing.")
    .addHelpText("after", notes("warren vectors create", VARIABLES))
    .action(async () => {
      const { server, place, collections } = await settings();
      await applyCollections(server, place, collections);
      conclude({ ...(await check(server, place, collections)), json: false });
    });
  command
    .command("check")
    .description("Check that the collections exist, and print which model readers use.")
    .option(...CHECK_JSON)
    .addHelpText("after", notes("warren vectors check", VARIABLES))
    .action(async ({ json = false }: { json?: boolean }) => {
      const { server, place, collections } = await settings();
      conclude({ ...(await check(server, place, collections)), json });
    });
  command
    .command("switch")
    .description("Copy the points of the former model, then give readers the new collections.")
    .addHelpText("after", notes("warren vectors switch", VARIABLES))
    .action(async () => {
      const { server, place, embedder } = await settings();
      const report = (text: string) => console.log(text);
      const { prefix } = place;
      const schemas = await declaredVectors();
      const copied = await switchCollections({ server, prefix, embedder, schemas, report });
      console.log(`${copied} points were merged, and readers are given ${place.model}.`);
    });
}

async function settings() {
  const collections = await declaredCollections();
  if (Object.keys(collections).length === 0) {
    throw new Error("No function of serverless.yml declares collections.");
  }
  return { ...readVectors(await orLocal(qdrant, process.env)), collections };
}

async function check(
  ...[server, place, collections]: Parameters<typeof problemsWith>
): Promise<{ problems: string[]; ready: string }> {
  const lacking = await problemsWith(server, place, collections);
  const problems = lacking.map((problem) => `Qdrant lacks ${problem}.`);
  if (problems.length > 0) return { problems, ready: "" };
  const aliases = await readAliases(connect(server), place.prefix, Object.keys(collections));
  const readers = `Readers are given ${Object.values(aliases)[0] ?? "none"}.`;
  return { problems, ready: `The collections of ${place.model} are in place.\n${readers}` };
}
