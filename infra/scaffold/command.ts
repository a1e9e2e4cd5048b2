import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { eventTypes } from "../../events/catalogue.ts";
import { ROOT } from "../rabbitmq/consumers.ts";
import { writeDefinitions } from "../rabbitmq/definitions.ts";
import { newFunction, ScaffoldError } from "./new-function.ts";

const USAGE = `Usage: warren new function <name> [--accepts type,…]

  <name>      lower case words joined by "-": names the folder, the function and its queue
  --accepts   the event types that it wants (all, if not said)

Writes functions/<name>/, which posts each event to a webhook, and its entry in serverless.yml.
docs/write-a-function.md goes on from there.`;

/** `warren new function …` */
export async function command(args: string[]): Promise<number> {
  const asked = read(args);
  if (asked === undefined) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  try {
    const made = await newFunction({ root: ROOT, eventTypes, ...asked });
    await format([...made.files, "serverless.yml"]);
    await writeDefinitions();
    console.log(textOf(made, asked.name));
    return 0;
  } catch (error) {
    if (!(error instanceof ScaffoldError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function read(args: string[]): { name: string; accepts: string[] } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { accepts: { type: "string", default: "" } },
    });
    const [kind, name, ...rest] = positionals;
    if (kind !== "function" || name === undefined || rest.length > 0) return undefined;
    const accepts = values.accepts.split(",").map((type) => type.trim());
    return { name, accepts: [...new Set(accepts)].filter((type) => type !== "") };
  } catch {
    return undefined;
  }
}

/** A name of another length breaks lines elsewhere. */
async function format(files: readonly string[]): Promise<void> {
  const oxfmt = join(ROOT, "node_modules/.bin/oxfmt");
  // Its own first line would start the system's Node.
  await promisify(execFile)(process.execPath, [oxfmt, ...files], { cwd: ROOT, timeout: 60_000 });
}

function textOf({ files, queue, variable }: Awaited<ReturnType<typeof newFunction>>, name: string) {
  return `Written:
${files.map((file) => `  ${file}`).join("\n")}
  serverless.yml, infra/rabbitmq/definitions.json: the function and its queue ${queue}

Next:
  1. npm run check
  2. say in functions/${name}/request.ts what is posted, and in consumer.ts which events
  3. ${variable}=https://… npm start    (makes the queue, and runs all functions)
  4. npm run warren -- send ${"<type>"}    (posts the sample of an event type)

docs/write-a-function.md has all of it, with an event of your own.`;
}
