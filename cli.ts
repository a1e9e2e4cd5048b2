#!/usr/bin/env node
/** The `warren` command: each subcommand is a module that exports `command(args)`, loaded on demand. */
type Command = { command: (args: string[]) => Promise<number> };

const commands: Record<string, { summary: string; load: () => Promise<Command> }> = {
  start: {
    summary: "start the services and all functions, print where they are, return",
    load: () => import("./infra/local/start.ts"),
  },
  stop: {
    summary: "end what start began, and nothing else",
    load: () => import("./infra/local/stop.ts"),
  },
  status: {
    summary: "what runs where (--json)",
    load: () => import("./infra/local/status.ts"),
  },
  offline: {
    summary: "run the functions under serverless-offline, until Ctrl-C",
    load: () => import("./infra/local/offline.ts"),
  },
  send: {
    summary: "<type>: post the sample of an event type to the local ingest",
    load: () => import("./infra/local/send.ts"),
  },
  catalogue: {
    summary: "every event: version, key, consumers, meaning (--json); --release records new ones",
    load: () => import("./infra/catalogue/command.ts"),
  },
  host: {
    summary: "run functions in this container: host [function …] (--queue --workers --prefetch)",
    load: () => import("./lib/host/command.ts"),
  },
  providers: {
    summary: "ends of mail, SMS, Telegram and push that keep what they are sent",
    load: () => import("./infra/providers/command.ts"),
  },
  bundle: {
    summary: "make dist/<function>.zip for Lambda: bundle [function …]",
    load: () => import("./infra/bundle/command.ts"),
  },
  topology: {
    summary: "print | apply | check the broker's exchanges, queues and bindings",
    load: () => import("./infra/rabbitmq/command.ts"),
  },
  ledger: {
    summary: "create <table> | check [table]: the ledger, in DynamoDB or Redis",
    load: () => import("./infra/ledger/command.ts"),
  },
  directory: {
    summary: "create | check <table>: the DynamoDB table of the directory",
    load: () => import("./infra/dynamodb/directory-command.ts"),
  },
  graph: {
    summary: "create | check: the constraints of the Neo4j graph",
    load: () => import("./infra/neo4j/command.ts"),
  },
  vectors: {
    summary:
      "create | check | switch: the collections of Qdrant, and the model that readers are given",
    load: () => import("./infra/qdrant/command.ts"),
  },
  keys: {
    summary: "create | list | revoke API keys, of which only hashes are kept",
    load: () => import("./infra/keys/command.ts"),
  },
  new: {
    summary: "function <name>: begin a function of your own",
    load: () => import("./infra/scaffold/command.ts"),
  },
  "dead-letters": {
    summary: "list | show | retry | discard the dead letters of a queue",
    load: () => import("./infra/rabbitmq/dead-letters.ts"),
  },
};

const [name = "", ...args] = process.argv.slice(2);
const chosen = Object.hasOwn(commands, name) ? commands[name] : undefined;

if (chosen === undefined) {
  const lines = Object.entries(commands).map(
    ([key, { summary }]) => `  ${key.padEnd(13)} ${summary}`,
  );
  console.error(`Usage: warren <command>\n\n${lines.join("\n")}`);
  process.exitCode = name === "" || name === "--help" ? 0 : 2;
} else {
  const { command } = await chosen.load();
  process.exitCode = await command(args).catch(async (error: unknown) => {
    const { ConfigError } = await import("./lib/config.ts");
    const { OutageError } = await import("./lib/pipeline/errors.ts");
    if (!(error instanceof ConfigError || error instanceof OutageError)) throw error;
    console.error(error.message);
    return 1;
  });
}
