import { connect } from "../../kit/qdrant/connect.ts";
import { orLocal } from "../service/or-local.ts";
import { qdrant } from "./service.ts";
import { applyCollections, problemsWith, readAliases } from "./collections.ts";
import { declaredCollections, declaredVectors } from "./declared.ts";
import { readVectors } from "./read-vectors.ts";
import { switchCollections } from "./switching.ts";

const USAGE =
  "Usage: warren vectors create|check|switch   (server: QDRANT_URL, QDRANT_API_KEY, else the local one; model: EMBEDDER …)";

/**
 * `warren vectors create` makes the collections of the model that is set, `check` only looks, `switch`
 * brings the points of the model before over and then the readers.
 */
export async function command([verb, ...rest]: string[]): Promise<number> {
  const verbs = ["create", "check", "switch"];
  if (rest.length > 0 || !verbs.includes(verb ?? "")) {
    console.error(USAGE);
    return 2;
  }
  const { server, place, embedder } = readVectors(await orLocal(qdrant, process.env));
  const schemas = await declaredVectors();
  const collections = await declaredCollections();
  if (schemas.length === 0) throw new Error("No function of serverless.yml declares collections.");
  if (verb === "create") await applyCollections(server, place, collections);
  if (verb === "switch") {
    const report = (text: string) => console.log(text);
    const { prefix } = place;
    const copied = await switchCollections({ server, prefix, embedder, schemas, report });
    console.log(`${copied} points were merged, and readers are given ${place.model}.`);
    return 0;
  }
  const problems = await problemsWith(server, place, collections);
  for (const problem of problems) console.error(`Qdrant lacks ${problem}.`);
  if (problems.length > 0) return 1;
  console.log(`The collections of ${place.model} are in place.`);
  const aliases = await readAliases(connect(server), place.prefix, Object.keys(collections));
  console.log(`Readers are given ${Object.values(aliases)[0] ?? "none"}.`);
  return 0;
}
