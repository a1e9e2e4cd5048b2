import { readConfig } from "../../lib/config.ts";
import { openExposition } from "../../lib/runtime/exposition.ts";
import { scheduledHandler } from "../../lib/runtime/scheduled-handler.ts";
import { logger } from "../../lib/log.ts";
import { managementUrlOf } from "../../lib/rabbit/management.ts";
import { config } from "./config.ts";
import { queueGauges } from "./gauges.ts";
import { reportQueues } from "./report.ts";

const name = "queue-metrics";
const settings = readConfig(config, process.env);
const { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL, LOG_LEVEL: level } = settings;
const broker = { url, managementUrl: RABBITMQ_MANAGEMENT_URL ?? managementUrlOf(url) };
const log = logger({ level, name });
const exposition = openExposition({ config: settings, log });
const gauges = queueGauges(exposition.metrics.registry);

export const { metrics } = exposition;

export const handler = scheduledHandler({
  name,
  exposition,
  run: () => reportQueues({ broker, gauges, log }),
});
