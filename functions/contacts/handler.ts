import { readConfig } from "../../lib/config.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { consumerHandler } from "../../lib/runtime/consumer-handler.ts";
import { config } from "./config.ts";
import { contacts } from "./consumer.ts";

const settings = readConfig(config, process.env);
const directory = openDirectory({ table: settings.DIRECTORY_TABLE });

export const { handler, prepare, metrics, close } = consumerHandler({
  consumer: contacts(directory),
  config: settings,
  requireSink: () => directory.requireTable(),
  closeSink: () => directory.close(),
});
