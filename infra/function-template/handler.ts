import { readConfig } from "../../lib/config.ts";
import { consumerHandler } from "../../lib/runtime/consumer-handler.ts";
import { config } from "./config.ts";
import { functionTemplateConsumer } from "./consumer.ts";
import { webhook } from "./webhook.ts";

const settings = readConfig(config, process.env);
const sink = webhook({ url: settings.FUNCTION_TEMPLATE_WEBHOOK_URL, now: Date.now });

export const { handler, prepare, metrics, close } = consumerHandler({
  consumer: functionTemplateConsumer(sink),
  config: settings,
  // The function takes nothing from the queue until the receiver answers; `npm run status` shows why.
  requireSink: () => sink.probe(new AbortController().signal),
  closeSink: async () => {},
});
