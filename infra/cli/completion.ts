import type { Command } from "commander";

type Word = { word: string; meaning: string };
/** The words that may follow a path such as `dead-letters list`. The program's path is empty. */
type Place = { path: string; words: Word[] };

/** The script of each shell, made from the commands and options of the program. */
export const completions = {
  bash: (program: Command) => bash(placesOf(program)),
  // zsh runs the functions of bash.
  zsh: (program: Command) =>
    `autoload -U +X compinit bashcompinit && compinit && bashcompinit\n${bash(placesOf(program))}`,
  fish: (program: Command) => fish(placesOf(program)),
};

function placesOf(command: Command, path = ""): Place[] {
  const verbs = command.commands.map((verb) => ({
    word: verb.name(),
    meaning: verb.description(),
  }));
  const options = command.createHelp().visibleOptions(command);
  const flags = options.map(({ long, description }) => ({
    word: long ?? "",
    meaning: description,
  }));
  const choices = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, meaning: description })),
  );
  const under = command.commands.flatMap((verb) => placesOf(verb, `${path} ${verb.name()}`.trim()));
  return [{ path, words: [...verbs, ...choices, ...flags] }, ...under];
}

function bash(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const cases = places.map(
    ({ path, words }) => `    "${path}") words="${words.map(({ word }) => word).join(" ")}" ;;`,
  );
  return `_warren() {
  local path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${known.join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _warren warren`;
}

function fish(places: readonly Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
  const lines = places.flatMap(({ path, words }) => {
    const seen = path.split(" ").map((name) => `__fish_seen_subcommand_from ${name}`);
    const when = path === "" ? "__fish_use_subcommand" : seen.join("; and ");
    return words.map(({ word, meaning }) => {
      const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c warren -n ${quoted(when)} ${what} -d ${quoted(meaning)}`;
    });
  });
  return ["complete -c warren -f", ...lines].join("\n");
}
