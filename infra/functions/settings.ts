import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../service/instance.ts";
import { readFunctions } from "./declared.ts";
import type { Variable } from "./variables.ts";

const HEAD = `# Which settings are there?

Functions read environment variables at startup. Startup fails and names every invalid variable. An empty
variable counts as absent. This page is generated from each function's \`config.ts\`: change the
description there and run \`npm run settings\`.

Older names: \`RABBITMQ_RETRY_COUNT\` with \`RABBITMQ_RETRY_DELAY\` for \`RETRY_DELAYS\`;
\`rabbitmq_hostname\`, \`rabbitmq_port\`, \`rabbitmq_user\`, \`rabbitmq_password\` and \`rabbitmq_vhost\` for
\`RABBITMQ_URL\`; \`REDIS_ADDR\` for \`REDIS_URL\`.

| variable | meaning | default | required | read by |
|---|---|---|---|---|
`;

/** docs/settings.md. Throws if a config describes a variable differently than another, or not at all. */
export async function settingsPage(root: string = ROOT): Promise<string> {
  const read = (await readFunctions(root)).flatMap(({ name, variables }) =>
    variables.map((variable) => ({ function: name, variable, row: cellsOf(variable) })),
  );
  const all = new Set(read.map(({ function: name }) => name)).size;
  const byName = [...Map.groupBy(read, ({ variable }) => variable.name)];
  const rows = byName
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, readers]) => {
      const [cells, ...others] = new Set(readers.map(({ row }) => row));
      if (others.length > 0)
        throw new Error(`${name} is declared in several ways: ${cells}; ${others[0]}`);
      const by = readers.length === all ? "all" : readers.map((one) => one.function).join(", ");
      return `| \`${name}\` | ${cells} | ${by} |`;
    });
  return `${HEAD}${rows.join("\n")}\n`;
}

export async function writeSettings(root: string = ROOT): Promise<void> {
  await writeFile(join(root, "docs/settings.md"), await settingsPage(root));
}

function cellsOf({ name, description, default: given, required, onlyWith }: Variable): string {
  if (description === undefined) throw new Error(`${name} has no description: add .describe(…)`);
  const value = given === undefined ? "" : `\`${given.replaceAll(",", ", ")}\``;
  const when = onlyWith && `with \`${onlyWith.name}=${onlyWith.value}\``;
  const need = required ? (when ?? "yes") : when === undefined ? "" : `optional ${when}`;
  return `${description} | ${value} | ${need}`;
}
