import type { Command } from "commander";
import * as z from "zod";
import { graphVariables } from "../../kit/neo4j/config.ts";
import { readConfig } from "../../lib/config.ts";
import { CHECK_JSON, conclude, problemsOf } from "../cli/check.ts";
import { notes } from "../cli/help.ts";
import { orLocal } from "../service/or-local.ts";
import { applyConstraints, requireConstraints } from "./constraints.ts";
import { declaredConstraints } from "./declared.ts";
import { neo4j } from "./service.ts";

const VARIABLES = {
  NEO4J_URL: "address (default: the server of `warren start`)",
  NEO4J_USER: "user; required with NEO4J_URL",
  NEO4J_PASSWORD: "password; required with NEO4J_URL",
};
const READY = "The graph's constraints are in place.";

/** `warren graph …` */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren graph check"));
  command
    .command("create")
    .description("Create the constraints of the Neo4j graph that are missing.")
    .addHelpText("after", notes("warren graph create", VARIABLES))
    .action(async () => {
      await applyConstraints(await server(), await declaredConstraints());
      console.log(READY);
    });
  command
    .command("check")
    .description("Check that the constraints of the Neo4j graph exist.")
    .option(...CHECK_JSON)
    .addHelpText("after", notes("warren graph check", VARIABLES))
    .action(async ({ json = false }: { json?: boolean }) => {
      const problems = await problemsOf(
        requireConstraints(await server(), await declaredConstraints()),
      );
      conclude({ problems, ready: READY, json });
    });
}

async function server(): Promise<{ url: string; user: string; password: string }> {
  const settings = readConfig(z.object(graphVariables), await orLocal(neo4j, process.env));
  return {
    url: settings.NEO4J_URL,
    user: settings.NEO4J_USER,
    password: settings.NEO4J_PASSWORD,
  };
}
