import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { eventTypes } from "../../events/catalogue.ts";
import { notes } from "../cli/help.ts";
import { ROOT } from "../rabbitmq/consumers.ts";
import { writeSettings } from "../functions/settings.ts";
import { writeDefinitions } from "../rabbitmq/definitions.ts";
import { newFunction } from "./new-function.ts";

/** `warren new function …` */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren new function review-alerts"));
  command
    .command("function")
    .description(
      "Write functions/<name>/, which posts each event to a webhook, and its entry in serverless.yml.\n" +
        "Continue with docs/write-a-function.md.",
    )
    .argument("<name>", 'lower-case words joined by "-": name of the folder, function and queue')
    .option("--accepts <types>", "event types that it accepts, joined by commas", "all")
    .addHelpText("after", notes("warren new function review-alerts --accepts review.posted"))
    .action(async (name: string, { accepts }: { accepts: string }) => {
      const types = accepts === "all" ? [] : accepts.split(",").map((type) => type.trim());
      const accepted = [...new Set(types)].filter((type) => type !== "");
      const made = await newFunction({ root: ROOT, eventTypes, name, accepts: accepted });
      await format([...made.files, "serverless.yml"]);
      await writeDefinitions();
      await writeSettings();
      console.log(textOf(made, name));
    });
}

/** The formatter breaks lines elsewhere if the name has another length. */
async function format(files: readonly string[]): Promise<void> {
  const oxfmt = join(ROOT, "node_modules/.bin/oxfmt");
  // The script's first line would start the system's Node.
  await promisify(execFile)(process.execPath, [oxfmt, ...files], { cwd: ROOT, timeout: 60_000 });
}

function textOf({ files, queue, variable }: Awaited<ReturnType<typeof newFunction>>, name: string) {
  return `Written:
${files.map((file) => `  ${file}`).join("\n")}
  serverless.yml, infra/rabbitmq/definitions.json: the function and its queue ${queue}
  docs/settings.md: its variables

Next:
  1. npm run check
  2. say in functions/${name}/request.ts what is posted, and in consumer.ts which events
  3. ${variable}=https://… npm start    (makes the queue, and runs all functions)
  4. npx warren send ${"<type>"}    (posts the sample of an event type)

docs/write-a-function.md has all of it, with an event of your own.`;
}
