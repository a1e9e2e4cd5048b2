import { readConfig } from "../../lib/config.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { consumerHandler } from "../../lib/runtime/consumer-handler.ts";
import { logger } from "../../lib/log.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { EVENTS_EXCHANGE } from "../../lib/rabbit/names.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { config } from "./config.ts";
import { name, notifier } from "./consumer.ts";
import { rabbitOutbox } from "./outbox.ts";

const settings = readConfig(config, process.env);
const { RABBITMQ_URL: url, LOG_LEVEL: level } = settings;
const directory = openDirectory({ table: settings.DIRECTORY_TABLE });
const publisher = rabbitPublisher({
  url,
  name: `${name} requests`,
  log: logger({ level, name }),
});

async function requireExchange(): Promise<void> {
  await withChannel({ url, name: `${name} start` }, (channel) =>
    channel.checkExchange(EVENTS_EXCHANGE),
  );
}

export const { handler, prepare, metrics, close } = consumerHandler({
  consumer: notifier({
    directory,
    outbox: rabbitOutbox({ publisher, requireExchange, now: Date.now }),
    shop: settings.SHOP_RECIPIENTS,
  }),
  config: settings,
  async requireSink() {
    await directory.requireTable();
    await requireExchange();
  },
  async closeSink() {
    await publisher.close();
    await directory.close();
  },
});
