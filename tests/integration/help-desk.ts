import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProfilePayload } from "../../functions/qdrant-projector/profiles.ts";
import { fileStore } from "../../infra/keys/file-store.ts";
import { createKey } from "../../infra/keys/key-store.ts";
import { smtpEnd } from "../../infra/providers/smtp-end.ts";
import { readConsumers } from "../../infra/rabbitmq/consumers.ts";
import { userKey } from "../../kit/people/contact.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { aliasOf } from "../../kit/qdrant/names.ts";
import { ticketKey } from "../../kit/people/parties.ts";
import { inParallel } from "../../lib/async/in-parallel.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { type HostProcess, startHost, untilReady } from "./host-process.ts";
import { environment } from "./lane.ts";
import { cypher, views } from "./projector.ts";
import { newVhost, until } from "./rabbit-vhost.ts";
import { LEDGER, RETRY_DELAYS } from "./services.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

/** All that a new ticket comes to, and how many messages it and the look beside it are to each. */
const MESSAGES = {
  "neo4j-projector": 2,
  "qdrant-projector": 2,
  contacts: 1,
  notifier: 1,
  "send-email": 1,
} as const;

/** Of these functions. */
const QUEUES = new Set([
  "events.neo4j",
  "events.qdrant",
  "events.contacts",
  "events.notifier",
  "send.email",
]);

export type FunctionName = keyof typeof MESSAGES;
/** Those with a sink that nobody else uses. */
export type WiredName = "neo4j-projector" | "qdrant-projector" | "send-email";

export const functions = Object.keys(MESSAGES) as FunctionName[];

/** So many tickets of one tenant, and as many looks at a product. */
export type Round = { tenant: string; size: number; events: readonly Event[] };
type Event = { id: string; type: string; timestamp: string; data: Record<string, unknown> };

type Answer = { status: number; retryAfter: string | null; id: string; code?: string };

/**
 * What the sinks show of a round: whatever was done twice is counted twice, where a sink can show it. `mails`
 * counts each that came, `looks` and `interactions` are sums.
 */
export type Effects = {
  graph: { tickets: number; looks: number };
  vectors: { tickets: number; interactions: number };
  directory: number;
  mails: number;
};

/**
 * A help desk: tickets through ingest to five functions in one host, as `npm start` runs them, each in a
 * process of its own, on real services of which three are behind a wire.
 */
export type HelpDesk = {
  host: HostProcess;
  wires: Record<WiredName, TcpProxy>;
  /** Tells ingest of a new tenant. */
  round: (size: number) => Promise<Round>;
  /** Answers in the order of the events. */
  post: (round: Pick<Round, "tenant">, events: readonly Event[]) => Promise<Answer[]>;
  /** Messages that a function has settled so far, by what became of them. */
  outcomes: () => Promise<Outcomes>;
  /** Messages ready in a queue now, by its name. */
  ready: (queue: string) => Promise<number>;
  effects: (round: Round) => Promise<Effects>;
  close: () => Promise<void>;
};

export type Outcomes = Record<FunctionName, Record<string, number>>;

/** How many messages of a round a function is to settle. */
export function messagesOf({ size }: Round, name: FunctionName): number {
  return size * MESSAGES[name];
}

const never = new AbortController().signal;
/** Who opens all tickets of a tenant. */
const OWNER = "olena";
const USERS = 5;
/** Six processes begin at once. */
const START_MS = 60_000;
/** Requests at a time. */
const POSTS = 10;

/** `bound`: so many messages fill the queue of qdrant-projector. `prefetch`: of each batch at most. */
export async function openHelpDesk({
  bound,
  prefetch,
}: {
  bound: number;
  prefetch: number;
}): Promise<HelpDesk> {
  const mails: string[] = [];
  const mail = await smtpEnd({
    port: 0,
    onMail: async (_, recipients) => void mails.push(...recipients),
  });
  const wires = {
    "neo4j-projector": await wireTo(environment["NEO4J_URL"]!),
    "qdrant-projector": await wireTo(environment["QDRANT_URL"]!),
    "send-email": await wireTo(`smtp://127.0.0.1:${mail.port}`),
  };
  const folder = await mkdtemp(join(tmpdir(), "warren-desk-"));
  const keyStore = fileStore(join(folder, "keys.json"));
  // Without any key ingest would not start.
  const keys = new Map([["nobody", await createKey(keyStore, "nobody")]]);
  const directory = openDirectory({ table: environment["DIRECTORY_TABLE"]! });
  const vhost = await newVhost();
  const at = { url: vhost.url, name: "test" };
  const consumers = (await readConsumers()).filter(({ queue }) => QUEUES.has(queue));
  const { exchanges, bindings, queues } = topologyOf({ consumers, retryDelays: RETRY_DELAYS });
  const bounded = queues.map((queue) =>
    queue.name === "events.qdrant"
      ? { ...queue, arguments: { ...queue.arguments, "x-max-length": bound } }
      : queue,
  );
  await withChannel(at, (channel) =>
    applyTopology(channel, { exchanges, bindings, queues: bounded }),
  );
  const flags = ["--admin-port", "0", "--bind", "127.0.0.1", "--prefetch", String(prefetch)];
  const host = startHost(["ingest", ...functions, ...flags], {
    ...environment,
    // Without a ledger no sender starts.
    LEDGER: LEDGER === "none" ? "dynamodb" : LEDGER,
    RABBITMQ_URL: vhost.url,
    API_KEYS_FILE: join(folder, "keys.json"),
    PORT: "0",
    NEO4J_URL: `bolt://127.0.0.1:${wires["neo4j-projector"].port}`,
    QDRANT_URL: `http://127.0.0.1:${wires["qdrant-projector"].port}`,
    SMTP_URL: `smtp://warren:local@127.0.0.1:${wires["send-email"].port}?ignoreTLS=true`,
    MAIL_RATE: "1000",
  });

  async function close(): Promise<void> {
    const { exitCode, signalCode } = host.process;
    if (exitCode === null && signalCode === null) {
      host.process.kill("SIGTERM");
      await once(host.process, "exit");
    }
    await Promise.all([...Object.values(wires).map((wire) => wire.close()), directory.close()]);
    await mail.close();
    await vhost.remove();
    await rm(folder, { recursive: true });
  }

  try {
    await untilReady(host, START_MS);
  } catch (error) {
    console.log(host.lines());
    await close();
    throw error;
  }
  const ingest = (await host.status())?.functions["ingest"]?.url ?? "";
  const addressOf = (tenant: string) => `${OWNER}@${tenant}.example`;

  async function post(tenant: string, event: Event): Promise<Answer> {
    const answer = await fetch(new URL("/events", ingest), {
      method: "POST",
      headers: {
        authorization: `Bearer ${keys.get(tenant)!}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ ...event, source: "desk", metadata: { version: "1.0" } }),
      signal: AbortSignal.timeout(20_000),
    });
    const { id = "", code } = (await answer.json()) as { id?: string; code?: string };
    const retryAfter = answer.headers.get("retry-after");
    return { status: answer.status, retryAfter, id, ...(code !== undefined && { code }) };
  }

  return {
    host,
    wires,

    async round(size) {
      const tenant = `desk-${randomUUID().slice(0, 8)}`;
      keys.set(tenant, await createKey(keyStore, tenant));
      const known = { known: true, email: addressOf(tenant) };
      const fields = Object.entries(known).map(([name, value]) => [name, { stamp: "1", value }]);
      const key = userKey(tenant, OWNER);
      await directory.merge([{ key, fields: Object.fromEntries(fields) }], never);
      const events = Array.from({ length: size }, (_, n) => [ticket(n), look(n)]).flat();
      await until("ingest knows the tenant", async () => {
        const { status } = await post(tenant, { ...events[0]!, type: "no.type" });
        return status === 422;
      });
      return { tenant, size, events };
    },

    async post({ tenant }, events) {
      const answers: Answer[] = [];
      await inParallel([...events.entries()], POSTS, async ([n, event]) => {
        answers[n] = await post(tenant, event);
      });
      return answers;
    },

    async outcomes() {
      const text = await (await host.fetch("/metrics")).text();
      const found = Object.fromEntries(functions.map((name) => [name, {}])) as Outcomes;
      for (const [, labels = "", count] of text.matchAll(/^warren_outcomes_total{(.*)} (\d+)$/gm)) {
        const [, name] = /function="([^"]+)"/.exec(labels) ?? [];
        const [, kind] = /kind="([^"]+)"/.exec(labels) ?? [];
        found[name as FunctionName][kind!] = Number(count);
      }
      return found;
    },

    ready: (queue) =>
      withChannel(at, async (channel) => (await channel.checkQueue(queue)).messageCount),

    async effects({ tenant, size }) {
      const [row] = await cypher(
        "MATCH (:User)-[:OPENED]->(t:Ticket {tenant_id: $tenant}) RETURN count(t) AS tickets",
        { tenant },
      );
      const looks = Object.values(await views(tenant)).reduce((sum, count) => sum + count, 0);
      const tickets = Array.from({ length: size }, (_, n) => ticketKey(tenant, ticketId(n)));
      const documents = await directory.read(tickets, never);
      return {
        graph: { tickets: Number(row?.["tickets"]), looks },
        vectors: await vectorsOf(tenant),
        directory: documents.filter((document) => document?.["owner_id"]?.value === OWNER).length,
        mails: mails.filter((to) => to === addressOf(tenant)).length,
      };
    },

    close,
  };
}

const ticketId = (n: number) => `ticket-${n}`;

function ticket(n: number): Event {
  const data = { ticket_id: ticketId(n), title: `the chair ${n} wobbles`, owner_id: OWNER };
  return event("ticket.created", data);
}

function look(n: number): Event {
  return event("interaction.viewed", { user_id: `user-${n % USERS}`, product_id: "chair" });
}

export function event(type: string, data: Record<string, unknown>): Event {
  return { id: randomUUID(), type, timestamp: "2026-11-20T10:00:00Z", data };
}

async function vectorsOf(tenant: string): Promise<Effects["vectors"]> {
  const client = connect({
    url: environment["QDRANT_URL"]!,
    apiKey: environment["QDRANT_API_KEY"],
  });
  const prefix = environment["QDRANT_PREFIX"] ?? "warren";
  const filter = { must: [{ key: "tenant_id", match: { value: tenant } }] };
  const { count: tickets } = await client.count(aliasOf(prefix, "ticket"), { filter, exact: true });
  const { points } = await client.scroll(aliasOf(prefix, "profile"), { filter, limit: USERS });
  const counts = points.map(({ payload }) => (payload as ProfilePayload).interactions.length);
  return { tickets, interactions: counts.reduce((sum, count) => sum + count, 0) };
}

/** Ports that URLs leave out. */
const PORTS: Readonly<Record<string, number>> = { "bolt:": 7687, "http:": 6333 };

function wireTo(url: string): Promise<TcpProxy> {
  const { protocol, hostname, port } = new URL(url);
  return tcpProxy({ host: hostname, port: Number(port) || PORTS[protocol]! });
}
