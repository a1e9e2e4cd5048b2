import type * as z from "zod";
import { coalesced } from "../../lib/async/in-parallel.ts";
import { type Directory, type Key, textOf } from "../people/directory.ts";
import { type OpenDirectory, openDirectory } from "../people/open-directory.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import {
  type ConsumerConfig,
  consumerHandler,
  type ConsumerHandler,
} from "../../lib/runtime/consumer-handler.ts";
import { logger } from "../../lib/log.ts";
import type { OnceConsumer } from "../../lib/pipeline/consumer.ts";
import { readTemplates } from "./templates.ts";
import type { sending } from "./config.ts";
import { pace } from "./pace.ts";
import type { Recipients, Request, Skipped } from "./recipients.ts";
import { sender } from "./sender.ts";
import { sleep } from "../../lib/async/sleep.ts";
import type { Transport } from "./transport.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";

/** DynamoDB's limit for one BatchGetItem. */
const KEYS_PER_READ = 100;

/** What a channel may need of the process. */
export type Around = {
  directory: Directory;
  onSkipped: (skipped: { kind: string; why: Skipped }) => void;
};

/** The parts of one channel. They open no connection before first use. */
export type Channel<To> = {
  /** The function's name in serverless.yml, and the consumer's name in the ledger. */
  name: string;
  /** Number of concurrent sends. */
  concurrency: number;
  parse: (body: Uint8Array) => Received<Request>;
  recipients: (around: Around) => Recipients<To>;
  transport: (around: Around) => Transport<To>;
  /** A folder (kit/sending). */
  templates: string;
  perSecond: number;
  whenUncertain: OnceConsumer["whenUncertain"];
};

/** Connects a channel with directory, templates, broker, ledger, logs and metrics. */
export function senderHandler<To>(
  {
    name,
    concurrency,
    parse,
    recipients,
    transport,
    templates,
    perSecond,
    whenUncertain,
  }: Channel<To>,
  config: ConsumerConfig & z.infer<z.ZodObject<typeof sending>>,
): ConsumerHandler {
  const log = logger({ level: config.LOG_LEVEL, name });
  const directory = readTogether(openDirectory({ table: config.DIRECTORY_TABLE }));
  const around: Around = {
    directory,
    onSkipped({ kind, why }) {
      made.metrics.skipped({ name, why });
      log.info({ kind, why }, "nothing sent");
    },
  };
  const out = transport(around);
  const made = consumerHandler({
    consumer: sender({
      name,
      concurrency,
      whenUncertain,
      parse,
      recipients: recipients(around),
      templates: readTemplates(templates, config.DEFAULT_LOCALE),
      transport: out,
      pace: pace({
        perSecond,
        now: Date.now,
        sleep,
      }),
      onSkipped: around.onSkipped,
    }),
    config,
    requireSink: () => directory.requireTable(),
    async closeSink() {
      await out.close();
      await directory.close();
    },
  });
  return made;
}

/** Combines the reads of concurrent messages into common requests, which have their own deadline. */
function readTogether(directory: OpenDirectory): OpenDirectory {
  const readOne = coalesced(
    (keys: readonly Key[]) => directory.read(keys, new AbortController().signal),
    { keyOf: textOf, largest: KEYS_PER_READ, inFlight: 2 },
  );
  return {
    ...directory,
    read: (keys, signal) => unlessAborted(Promise.all(keys.map(readOne)), signal),
  };
}
