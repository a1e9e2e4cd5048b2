import type { Command } from "commander";

/** A module that adds arguments, options, verbs and actions to its command. */
type Module = { define: (command: Command) => void };

/** Every command with its line in `warren --help`. A module is loaded when its command runs. */
export const commands: Record<string, { summary: string; load: () => Promise<Module> }> = {
  start: {
    summary: "Start the services and the functions, print their addresses, return.",
    load: () => import("../local/start.ts"),
  },
  stop: {
    summary: "Stop everything that start started.",
    load: () => import("../local/stop.ts"),
  },
  status: {
    summary: "Show which services and functions run, and where.",
    load: () => import("../local/status.ts"),
  },
  offline: {
    summary: "Run the functions under serverless-offline, until Ctrl-C.",
    load: () => import("../local/offline.ts"),
  },
  send: {
    summary: "Post the sample of an event type to the local ingest.",
    load: () => import("../local/send.ts"),
  },
  catalogue: {
    summary: "List every event type: version, key, consumers, meaning.",
    load: () => import("../catalogue/command.ts"),
  },
  host: {
    summary: "Run functions in this process and its workers.",
    load: () => import("../host/command.ts"),
  },
  providers: {
    summary: "Run test providers of mail, SMS, Telegram and push that keep every message.",
    load: () => import("../providers/command.ts"),
  },
  bundle: {
    summary: "Build dist/<function>.zip for Lambda.",
    load: () => import("../bundle/command.ts"),
  },
  topology: {
    summary: "Print, apply or check the broker's exchanges, queues and bindings.",
    load: () => import("../rabbitmq/command.ts"),
  },
  "dead-letters": {
    summary: "List, show, retry or discard the dead letters of a queue.",
    load: () => import("../rabbitmq/dead-letters-command.ts"),
  },
  ledger: {
    summary: "Create or check the ledger, in DynamoDB or Redis.",
    load: () => import("../ledger/command.ts"),
  },
  directory: {
    summary: "Create or check the DynamoDB table of the directory.",
    load: () => import("../dynamodb/directory-command.ts"),
  },
  graph: {
    summary: "Create or check the constraints of the Neo4j graph.",
    load: () => import("../neo4j/command.ts"),
  },
  vectors: {
    summary: "Create, check or switch the Qdrant collections of an embedding model.",
    load: () => import("../qdrant/command.ts"),
  },
  keys: {
    summary: "Create, list or revoke API keys; Warren keeps only their hashes.",
    load: () => import("../keys/command.ts"),
  },
  new: {
    summary: "Add a function of your own to the project.",
    load: () => import("../scaffold/command.ts"),
  },
};
