import type { Command } from "commander";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { CHECK_JSON, conclude, problemsOf } from "../cli/check.ts";
import { AWS, notes } from "../cli/help.ts";
import { ensureDirectoryTable } from "./directory-table.ts";

/** `warren directory …` */
export function define(command: Command): void {
  const ready = (table: string) => `Table "${table}" is ready.`;
  command.addHelpText("after", notes("warren directory check warren-directory"));
  command
    .command("create")
    .description("Create the DynamoDB table of the directory unless it exists.")
    .argument("<table>", "name of the table")
    .addHelpText("after", notes("warren directory create warren-directory", AWS))
    .action(async (table: string) => {
      await ensureDirectoryTable({ table });
      console.log(ready(table));
    });
  command
    .command("check")
    .description("Check that the DynamoDB table of the directory exists and has the right keys.")
    .argument("<table>", "name of the table")
    .option(...CHECK_JSON)
    .addHelpText("after", notes("warren directory check warren-directory", AWS))
    .action(async (table: string, { json = false }: { json?: boolean }) => {
      const problems = await problemsOf(openDirectory({ table }).requireTable());
      conclude({ problems, ready: ready(table), json });
    });
}
