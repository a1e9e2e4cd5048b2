import { execFileSync } from "node:child_process";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { commands } from "./commands.ts";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { ROOT } from "../rabbitmq/consumers.ts";
import { programOf, run } from "./program.ts";

const program = await programOf(Object.keys(commands));
/** The command line of every command and verb. */
const paths = under(program);

const declared = await readDeclaration(ROOT);
const { name: anyFunction } = declared[0]!;
const anyQueue = declared.flatMap(({ trigger }) =>
  trigger.kind === "queue" ? trigger.queue : [],
)[0]!;
const misspelt = (name: string) => `${name}x`;

let printed: string[];
let complained: string[];
beforeEach(() => {
  printed = [];
  complained = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(console, "error").mockImplementation((line: string) => void complained.push(line));
});
afterEach(() => vi.restoreAllMocks());

const named = paths.map((path) => [["warren", ...path].join(" "), path] as const);
describe.each(named)("%s", (_, path) => {
  test("has a help text with an example", async () => {
    expect(await run([...path, "--help"])).toBe(0);
    expect(printed.join("\n")).toMatchSnapshot();
    expect(printed.join("\n")).toContain("Example:");
    expect(complained).toEqual([]);
  });

  test("refuses an unknown option", async () => {
    expect(await run([...path, "--hepl"])).toBe(2);
    // `providers` asks for its required option first.
    expect(complained.join("\n")).toMatch(/^error: (unknown option '--hepl'|required option)/);
    expect(complained.join("\n")).toContain(`See: ${["warren", ...path].join(" ")} --help`);
    expect(printed).toEqual([]);
  });
});

test.each([
  [["dead-leters"], "(Did you mean dead-letters?)"],
  [["dead-letters", "lst"], "(Did you mean list?)"],
  [["dead-letters", "list"], "missing required argument 'queue'"],
  [["dead-letters", "retry", "events.neo4j"], "say which: --id, --reason or --all"],
  [["stop", "now"], "too many arguments"],
  [["status", "--jsn"], "(Did you mean --json?)"],
  [["catalogue", "--json", "--release"], "cannot be used with"],
  [["send", "order.payd"], "did you mean order.paid?"],
  [["bundle", misspelt(anyFunction)], `did you mean ${anyFunction}?`],
  [["host", misspelt(anyFunction)], `did you mean ${anyFunction}?`],
  [["host", "--queue", misspelt(anyQueue)], `did you mean ${anyQueue}?`],
  [["host", "--admin-bind", "0.0.0.0"], "--admin-bind: needs --admin-port"],
  [["providers"], "required option '--http-port <port>' not specified"],
  [["completion", "csh"], "Allowed choices are bash, zsh, fish"],
])("warren %j is wrong usage: %s", async (args, why) => {
  expect(await run(args)).toBe(2);
  expect(complained.join("\n")).toContain(why);
  expect(complained.join("\n")).toContain("See: warren");
});

test("what a command cannot do ends with 1 and its reason alone", async () => {
  expect(await run(["new", "function", "x", "--accepts", "order.payd"])).toBe(1);
  expect(complained.join("\n")).toContain("did you mean order.paid?");
});

test("prints the version of package.json", async () => {
  expect(await run(["--version"])).toBe(0);
  expect(printed.join("\n")).toMatch(/^\d+\.\d+\.\d+$/);
});

test.each([
  [
    ["warren", "dead-letters", ""],
    ["list", "show", "retry", "discard", "--help"],
  ],
  [["warren", "dead-letters", "list", "events.neo4j", "--j"], ["--json"]],
  [["warren", "topo"], ["topology"]],
  [["warren", "completion", "z"], ["zsh"]],
])("bash completes %j", async (words, expected) => {
  await run(["completion", "bash"]);
  const script = `${printed.join("\n")}
    COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}
    _warren; echo "\${COMPREPLY[*]}"`;
  const completed = execFileSync("bash", ["-c", script], { encoding: "utf8" });
  expect(completed.trim().split(" ")).toEqual(expected);
});

test.each(["zsh", "fish"])("%s gets a script with every command", async (shell) => {
  await run(["completion", shell]);
  for (const name of Object.keys(commands)) expect(printed.join("\n")).toContain(name);
});

function under(command: Command): string[][] {
  const verbs = command.commands.flatMap((verb) =>
    under(verb).map((path) => [verb.name(), ...path]),
  );
  return [[], ...verbs];
}
