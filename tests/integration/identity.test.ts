import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import PostalMime, { type Email } from "postal-mime";
import * as z from "zod";
import { contacts } from "../../functions/contacts/consumer.ts";
import { notifier } from "../../functions/notifier/consumer.ts";
import { rabbitOutbox } from "../../functions/notifier/outbox.ts";
import { shopRecipients } from "../../functions/notifier/shop.ts";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import { email } from "../../functions/send-email/consumer.ts";
import { smtp } from "../../functions/send-email/smtp.ts";
import { smtpEnd } from "../../infra/providers/smtp-end.ts";
import { contactOf, userKey } from "../../kit/people/contact.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { pace } from "../../kit/sending/pace.ts";
import { sender } from "../../kit/sending/sender.ts";
import { readTemplates } from "../../kit/sending/templates.ts";
import { sleep } from "../../lib/async/sleep.ts";
import { ledger as ledgerVariables, readConfig } from "../../lib/config.ts";
import type { Envelope } from "../../lib/envelope/envelope.ts";
import { type OpenLedger, openLedger } from "../../lib/ledger/open-ledger.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import type { Delivery } from "../../lib/pipeline/message.ts";
import { batchProcessor, type ProcessBatch } from "../../lib/pipeline/process-batch.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { graphDriver } from "../shop/graph.ts";
import { newTenant, removeTenants, worker as graphWorker } from "./neo4j.ts";
import { eventOf, noticesVhost } from "./notices.ts";
import { newCollections, server as qdrantServer, worker as vectorWorker } from "./qdrant.ts";
import { LEDGER } from "./services.ts";

/** Two fields of one document. */
const FIELDS: Record<string, string> = { first: "name", second: "phone" };

const never = new AbortController().signal;

/** A function with its sink: what two events under one id do to it. */
type Subject = {
  /** One for each process. */
  consumer: () => Consumer;
  /** Events of one user, told apart by what they say. */
  event: (said: string, changes: Partial<Envelope>) => Envelope;
  /** What has taken effect of these events. */
  effects: (tenant: string) => Promise<string[]>;
};

const driver = graphDriver();
const directory = openDirectory({ table: process.env["DIRECTORY_TABLE"]! });
const shop = shopRecipients.parse("{}");
const closing: (() => unknown)[] = [];
const subjects: Record<string, Subject> = {};
const mails: Email[] = [];

beforeAll(async () => {
  const graphs = [graphWorker(), graphWorker()];
  const { place, remove } = await newCollections();
  const client = connect(qdrantServer);
  const vhost = await noticesVhost({ retryDelays: [1_000] });
  const publisher = rabbitPublisher({ url: vhost.url, name: "test requests" });
  const outbox = rabbitOutbox({ publisher, requireExchange: async () => {}, now: Date.now });
  const end = await smtpEnd({
    port: 0,
    onMail: async (raw) => void mails.push(await PostalMime.parse(raw)),
  });
  const transport = smtp({
    url: `smtp://warren:local@127.0.0.1:${end.port}?ignoreTLS=true`,
    sender: { from: "shop@example.com", unsubscribe: undefined },
    connections: 2,
    now: Date.now,
  });
  closing.push(
    () => removeTenants(driver),
    () => driver.close(),
    ...graphs.map(
      ({ graph }) =>
        () =>
          graph.close(),
    ),
    remove,
    () => publisher.close(),
    () => vhost.remove(),
    () => transport.close(),
    () => end.close(),
    () => directory.close(),
  );

  const user_id = "u1";
  let graph = 0;
  subjects["neo4j-projector"] = {
    consumer: () => graphs[graph++ % graphs.length]!.consumer,
    event: (product_id, changes) =>
      eventOf("", "interaction.viewed", { user_id, product_id }, changes),
    async effects(tenant) {
      const { records } = await driver.executeQuery(
        "MATCH (:User {tenant_id: $tenant})-[r:VIEWED]->(p) UNWIND range(1, r.count) AS n RETURN p.product_id AS id",
        { tenant },
      );
      return records.map((record) => String(record.get("id"))).sort();
    },
  };
  subjects["qdrant-projector, products"] = {
    consumer: () => vectorWorker(place),
    event: (said, changes) => {
      const data = { product_id: "p1", changes: { [said === "first" ? "name" : "sku"]: said } };
      return eventOf("", "product.updated", data, changes);
    },
    async effects(tenant) {
      const ids = [pointId(tenant, "p1")];
      const [point] = await client.retrieve(collectionsOf(place).product, { ids });
      const { name, sku } = point?.payload ?? {};
      return [name, sku].filter((said) => typeof said === "string");
    },
  };
  subjects["qdrant-projector, profiles"] = {
    consumer: () => vectorWorker(place),
    event: (product_id, changes) =>
      eventOf("", "interaction.viewed", { user_id, product_id }, changes),
    async effects(tenant) {
      const ids = [pointId(tenant, user_id)];
      const [point] = await client.retrieve(collectionsOf(place).profile, { ids });
      const { interactions } = (point?.payload ?? { interactions: [] }) as {
        interactions: { product_id: string }[];
      };
      return interactions.map(({ product_id }) => product_id).sort();
    },
  };
  subjects["contacts"] = {
    consumer: () => contacts(directory),
    event: (said, changes) =>
      eventOf(
        "",
        "customer.updated",
        { customer_id: user_id, changes: { [FIELDS[said]!]: said } },
        changes,
      ),
    async effects(tenant) {
      const [document] = await directory.read([userKey(tenant, user_id)], never);
      const { name, phone } = contactOf(document);
      return [name, phone].filter((said) => typeof said === "string");
    },
  };
  subjects["notifier"] = {
    consumer: () => notifier({ directory, outbox, shop }),
    event: (said, changes) =>
      eventOf(
        "",
        "notification.email",
        {
          template: "notification",
          recipient: "olena@example.org",
          data: { message: said, subject: said },
        },
        changes,
      ),
    // A request is one effect: its sender sends those of one id once.
    async effects(tenant) {
      const requests = (await vhost.requests()).map(({ bytes }) => JSON.parse(bytes) as Envelope);
      const own = requests.filter((one) => one.tenant_id === tenant);
      const ids = new Map(own.map((one) => [one.id, one]));
      return [...ids.values()]
        .map(({ data }) => (data as { data: { message: string } }).data.message)
        .sort();
    },
  };
  subjects["send-email"] = {
    consumer: () =>
      sender({
        ...email,
        whenUncertain: "resend",
        recipients: email.recipients({ directory }),
        templates: readTemplates("functions/send-email/templates", "en"),
        transport,
        pace: pace({ perSecond: 1_000, now: Date.now, sleep }),
        onSkipped: () => {},
      }),
    event: (order_id, changes) =>
      eventOf(
        "",
        "email.requested",
        {
          kind: "order.shipped",
          template: "order.shipped",
          to: { address: `${changes.tenant_id}@example.org` },
          data: { order_id },
        },
        changes,
      ),
    async effects(tenant) {
      const own = mails.filter(({ to }) => to?.[0]?.address === `${tenant}@example.org`);
      return own.map(({ text }) => /first|second/.exec(text ?? "")?.[0] ?? "").sort();
    },
  };
});
afterAll(async () => {
  for (const close of closing) await close();
});

const tools = { now: Date.now, random: Math.random, warn: () => {} };
const config = z.object({}).and(ledgerVariables);

/** A process of the function, on the real ledger, and the dead letters that it wrote. */
async function processOf(consumer: Consumer) {
  const ledger: OpenLedger = await openLedger({
    config: readConfig(config, process.env),
    consumer,
    ...tools,
  });
  const dead: string[] = [];
  const run: ProcessBatch = batchProcessor(consumer, {
    ledger,
    forward: {
      retry: async () => {},
      deadLetter: async (_, { reason }) => void dead.push(reason),
    },
    retryDelays: [1_000],
    retryLaterFor: 60_000,
    leaseMs: 60_000,
    process: randomUUID(),
    report: () => {},
    nonce: randomUUID,
    sleep,
    ...tools,
  });
  return { run, dead, close: ledger.close };
}

const delivery = (event: Envelope): Delivery => ({
  body: Buffer.from(JSON.stringify(event)),
  attempt: 1,
  generation: 1,
  copy: undefined,
  notBefore: undefined,
  deliveryCount: 0,
  suspect: false,
  firstFailedAt: undefined,
});

async function settle(run: ProcessBatch, events: readonly Envelope[]): Promise<string[]> {
  const limits = { signal: never, remainingMs: () => 60_000 };
  const settled = await run(events.map(delivery), limits);
  return settled.map(({ outcome }) => outcome.kind);
}

/** Nobody goes on before so many are here. */
function barrier(size: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let here = 0;
  return () => {
    if (++here === size) resolve();
    return promise;
  };
}

const names = [
  "neo4j-projector",
  "qdrant-projector, products",
  "qdrant-projector, profiles",
  "contacts",
  "notifier",
  "send-email",
];
const isRecorded = LEDGER !== "none";

describe.each(names)("%s:", (name) => {
  test.runIf(isRecorded || name !== "send-email")(
    "two sources may use the same id; both events take effect, once each",
    async () => {
      const { consumer, event, effects } = subjects[name]!;
      const tenant_id = newTenant();
      const same = { id: "evt_1", tenant_id };
      const events = [
        event("first", { ...same, source: "shop" }),
        event("second", { ...same, source: "crm" }),
      ];
      const { run, dead, close } = await processOf(consumer());

      expect(await settle(run, events)).toEqual(["done", "done"]);
      await settle(run, events);
      close();

      expect(dead).toEqual([]);
      expect(await effects(tenant_id)).toEqual(["first", "second"]);
    },
  );

  test.runIf(isRecorded)(
    "of two events under one id in the same moment one takes effect, the other is a dead letter",
    async () => {
      const { consumer, event, effects } = subjects[name]!;
      const tenant_id = newTenant();
      const both = barrier(2);
      const processes = await Promise.all(
        [consumer(), consumer()].map((one) =>
          processOf(
            one.repeatable
              ? { ...one, apply: async (...of) => (await both(), one.apply(...of)) }
              : one,
          ),
        ),
      );
      const events = ["first", "second"].map((said) =>
        event(said, { id: "evt_1", tenant_id, source: "shop" }),
      );

      // What is handed back or deferred comes again.
      const outcomes = await Promise.all(
        processes.map(async ({ run }, n) => {
          for (const deadline = Date.now() + 60_000; ;) {
            const [outcome] = await settle(run, [events[n]!]).catch(() => ["handed back"]);
            if (outcome === "done" || outcome === "dead") return outcome;
            if (Date.now() > deadline) throw new Error(`it is still ${outcome}`);
          }
        }),
      );
      for (const { close } of processes) close();

      expect(outcomes.toSorted()).toEqual(["dead", "done"]);
      expect(processes.flatMap(({ dead }) => dead)).toEqual(["id reused"]);
      const done = outcomes[0] === "done" ? "first" : "second";
      const had = await effects(tenant_id);
      expect(had).toHaveLength(1);
      // Of requests under one id the sender decides which is sent.
      expect(name === "notifier" ? [done] : had).toEqual([done]);
    },
  );
});
