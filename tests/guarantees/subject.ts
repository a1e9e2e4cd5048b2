import type { QueueConsumer } from "../../lib/rabbit/topology.ts";
import type { TcpProxy } from "../integration/tcp-proxy.ts";

/** An event as its producer publishes it. */
export type Produced = {
  id: string;
  type: string;
  source: string;
  timestamp: string;
  tenant_id: string;
  data: Record<string, unknown>;
  metadata: { version: string };
};

/**
 * What is promised of every event, whatever happens:
 * - `once`: it has one effect, and nothing is uncertain;
 * - `once, or uncertain and sent again`: it has an effect, and each one beyond the first was reported
 *   as uncertain, by the event's id;
 * - `once, or uncertain and kept`: it never has two; of one that may have none nobody knows, it was
 *   reported, and is a dead letter.
 * All promise `once` as long as no work is interrupted: no worker dies, no batch is handed back.
 */
export type Vow = "once" | "once, or uncertain and sent again" | "once, or uncertain and kept";

/** All that the suite has to know of a function with a queue. */
export type Subject = {
  /** As serverless.yml calls it. */
  name: string;
  /** Where its effects are, for people. */
  sink: string;
  /** What keeps an effect single, or what tells of the one that may not be. */
  proof: string;
  vow: Vow;
  /** Of others, where what the function publishes goes. Nobody consumes them. */
  queues?: readonly QueueConsumer[];
  /** Prepares the sink for one host. */
  open: (around: Around) => Promise<Stage>;
};

export type Around = {
  /** The host's wires to broker and DynamoDB. */
  broker: TcpProxy;
  dynamodb: TcpProxy;
  /** Of the host's vhost, past the wire. */
  url: string;
};

export type Stage = {
  /** What the function reads, so that it comes to its sink through a wire. */
  environment: Record<string, string>;
  wire: SinkWire;
  /** So many events, each with one effect of its own. */
  events: (tenant: string, count: number) => Promise<Produced[]>;
  /** How often each event's effect is in the sink, past the wire; events without any may be absent. */
  effects: (tenant: string, ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /** An event that the sink refuses for good, and the reason that its dead letter gives. */
  refused: (tenant: string) => Promise<{ event: Produced; reason: string }>;
  /** Ids of events that the function makes for itself, with those of the events they stand for. */
  descendants?: ReadonlyMap<string, string>;
  /** Absent where events have nothing in common that an order could change. */
  history?: History;
  /** Of the sink, for the report. */
  version: () => Promise<string>;
  close: () => Promise<void>;
};

/** Several events about one entity. */
export type History = {
  /** In the order in which they happened. */
  events: (tenant: string, entity: string) => Produced[];
  /** What they come to, whatever the entity is called. */
  state: (tenant: string, entity: string) => Promise<unknown>;
  expected: unknown;
};

/** What stands between a function and its sink. */
export type SinkWire = {
  /** Keeps back the request that would make effects of this tenant's events. */
  hold: (tenant: string) => void;
  /** How many such requests are kept back. */
  held: () => number;
  cut: () => void;
  restore: () => void;
};

/** A sink behind a wire of its own. `fits`: a request that makes an effect of an event of the tenant. */
export function sinkWire(
  proxy: TcpProxy,
  fits: (request: string, tenant: string) => boolean,
): SinkWire {
  return {
    hold: (tenant) => proxy.hold((request) => fits(request, tenant)),
    held: () => proxy.held(),
    cut: () => proxy.vanish(),
    restore: () => proxy.restore(),
  };
}

/** A sink that shares the wire of broker or ledger: only what goes to the sink (`isSinks`) is cut. */
export function sharedWire(
  proxy: TcpProxy,
  isSinks: (request: string) => boolean,
  fits: (request: string, tenant: string) => boolean,
): SinkWire {
  return { ...sinkWire(proxy, fits), cut: () => proxy.refuse(isSinks) };
}

/** Of the n-th event of a scenario. */
export function idOf(tenant: string, n: number): string {
  return `${tenant}-${n}`;
}

/** The same moment for all, unless an order matters. */
const AT = "2026-11-20T10:00:00.000Z";

export function produced(
  tenant_id: string,
  id: string,
  type: string,
  data: Record<string, unknown>,
  timestamp = AT,
): Produced {
  return { id, type, source: "test", timestamp, tenant_id, data, metadata: { version: "1.0" } };
}
