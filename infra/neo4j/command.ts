import * as z from "zod";
import { graphVariables } from "../../kit/neo4j/config.ts";
import { readConfig } from "../../lib/config.ts";
import { neo4j } from "./service.ts";
import { orLocal } from "../service/or-local.ts";
import { applyConstraints, requireConstraints } from "./constraints.ts";
import { declaredConstraints } from "./declared.ts";

const USAGE =
  "Usage: warren graph create|check   (server: NEO4J_URL, NEO4J_USER, NEO4J_PASSWORD, else the local one)";

/** `warren graph create` makes the constraints of the Neo4j graph; `check` only looks. */
export async function command([verb, ...rest]: string[]): Promise<number> {
  if (rest.length > 0 || (verb !== "create" && verb !== "check")) {
    console.error(USAGE);
    return 2;
  }
  const settings = readConfig(z.object(graphVariables), await orLocal(neo4j, process.env));
  const { NEO4J_URL: url, NEO4J_USER: user, NEO4J_PASSWORD: password } = settings;
  const constraints = await declaredConstraints();
  const bring = verb === "create" ? applyConstraints : requireConstraints;
  await bring({ url, user, password }, constraints);
  console.log("The graph's constraints are in place.");
  return 0;
}
