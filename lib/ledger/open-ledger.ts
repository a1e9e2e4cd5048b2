import type * as z from "zod";
import { ConfigError, type ledger } from "../config.ts";
import { coalescedLedger, type Ledger } from "./ledger.ts";
import { noLedger } from "./no-ledger.ts";

/** A ledger with its connections. */
export type OpenLedger = Ledger & { close: () => void };

type Tools = {
  consumer: { name: string; repeatable: boolean };
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** Takes what an operator should change, once. */
  warn: (text: string) => void;
};

/**
 * The ledger that a function's configuration asks for (`LEDGER` and what belongs to it, as lib/config.ts reads
 * them), with requests about single rows coalesced. Throws if the consumer cannot do without one or the store cannot be used: refuse to start then.
 */
export async function openLedger({
  config,
  ...tools
}: { config: z.infer<typeof ledger> } & Tools): Promise<OpenLedger> {
  switch (config.LEDGER) {
    case "none":
      return openNone(tools);
    case "dynamodb":
      return openDynamo(config.LEDGER_TABLE, tools);
    case "redis":
      return openRedis(config.REDIS_URL, tools);
  }
}

function openNone({ consumer }: Tools): OpenLedger {
  if (consumer.repeatable) return { ...noLedger(), close: () => undefined };
  throw new Error(
    `${consumer.name} is not repeatable: without a ledger it would send twice. Set LEDGER=dynamodb or LEDGER=redis.`,
  );
}

/** Each store's client takes tens of milliseconds to import: only the chosen one is. */
async function openDynamo(table: string, { consumer, now, random }: Tools): Promise<OpenLedger> {
  const [{ dynamoClient }, { dynamoLedger }, { requireLedgerTable }] = await Promise.all([
    import("../dynamo/client.ts"),
    import("./dynamo-ledger.ts"),
    import("../dynamo/table.ts"),
  ]);
  const client = dynamoClient();
  const close = () => client.destroy();
  try {
    await client.config.region().catch(() => {
      throw new ConfigError("AWS_REGION: is required for a ledger in DynamoDB");
    });
    await requireLedgerTable({ client, table });
  } catch (error) {
    close();
    throw error;
  }
  const { name, repeatable: doneSets } = consumer;
  const ledger = dynamoLedger({ client, table, consumer: name, doneSets, now, random });
  return { ...coalescedLedger(ledger), close };
}

async function openRedis(url: string, { consumer, warn }: Tools): Promise<OpenLedger> {
  const [{ redisClient }, { redisLedger }, { requireKeeping }] = await Promise.all([
    import("./redis-client.ts"),
    import("./redis-ledger.ts"),
    import("./redis-keeping.ts"),
  ]);
  const client = redisClient(url);
  const { close } = client;
  try {
    await requireKeeping({ client, consumer, warn });
  } catch (error) {
    close();
    throw error;
  }
  return { ...coalescedLedger(redisLedger({ client, consumer: consumer.name })), close };
}
