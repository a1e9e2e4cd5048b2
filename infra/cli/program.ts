import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, CommanderError } from "commander";
import { commands } from "./commands.ts";
import { ExitError, UsageError } from "./errors.ts";
import { notes } from "./help.ts";

const ROOT = join(import.meta.dirname, "../..");
const HELP_WIDTH = 100;
const USAGE = 2;

/**
 * Runs a `warren` command line and returns its exit code: 0 success, 1 failure, 2 wrong usage. `host` also
 * has 78. Throws unexpected errors.
 */
export async function run(args: string[]): Promise<number> {
  const [name = ""] = args;
  const program = await programOf([name]);
  let running = program;
  program.hook("preAction", (_, action) => void (running = action));
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await codeOf(error, running);
  }
}

/** The program. Loads only the named commands; the others have only a name and a summary. */
export async function programOf(names: readonly string[]): Promise<Command> {
  const program = new Command("warren")
    .description("Warren's command line.")
    .version(versionOf(), "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .configureOutput({
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      writeOut: (text) => console.log(text.trimEnd()),
      writeErr: (text) => console.error(text.trimEnd()),
    })
    .exitOverride()
    .addHelpText("after", notes("warren dead-letters list events.neo4j"))
    .addHelpText("after", "\nExit codes: 0 done, 1 could not, 2 wrong usage.");
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    if (names.includes(name)) (await load()).define(command);
  }
  program
    .command("completion")
    .description("Print a script that lets your shell complete commands and options.")
    .addArgument(new Argument("<shell>", "your shell").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      notes("warren completion bash > ~/.local/share/bash-completion/completions/warren"),
    )
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const { completions } = await import("./completion.ts");
      console.log(completions[shell](await programOf(Object.keys(commands))));
    });
  settle(program, "warren");
  return program;
}

/** Settings that commander does not inherit: the hint after an error, and no `help` command. */
function settle(command: Command, path: string): void {
  command.helpCommand(false).showHelpAfterError(`See: ${path} --help`);
  for (const verb of command.commands) settle(verb, `${path} ${verb.name()}`);
}

async function codeOf(error: unknown, running: Command): Promise<number> {
  if (error instanceof ExitError) return error.code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof UsageError) {
    console.error(`error: ${error.message}\nSee: ${pathOf(running)} --help`);
    return USAGE;
  }
  const { isExpected } = await import("./expected.ts");
  if (!isExpected(error)) throw error;
  console.error(error.message);
  return 1;
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function versionOf(): string {
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
