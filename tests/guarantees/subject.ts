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
 * The promise for every event, whatever happens:
 * - `once`: the event has one effect, and nothing is uncertain;
 * - `once, or uncertain and sent again`: the event has an effect, and each further one was reported as
 *   uncertain, by the event's id;
 * - `once, or uncertain and kept`: the event never has two effects; if it may have none, it was reported as
 *   uncertain and is a dead letter.
 * All functions promise `once` while no work is interrupted: no worker dies, no batch is handed back.
 */
export type Vow = "once" | "once, or uncertain and sent again" | "once, or uncertain and kept";

/** Everything that the suite must know of a function with a queue. */
export type Subject = {
  /** The function's name in serverless.yml. */
  name: string;
  /** The place of its effects, for the report. */
  sink: string;
  /** What keeps an effect single, or reports one that may not be. */
  proof: string;
  vow: Vow;
  /** Other queues, which receive what the function publishes. Nobody consumes them. */
  queues?: readonly QueueConsumer[];
  /** Prepares the sink for one host. */
  open: (around: Around) => Promise<Stage>;
};

export type Around = {
  /** The host's wires to broker and DynamoDB. */
  broker: TcpProxy;
  dynamodb: TcpProxy;
  /** The host's vhost, bypassing the wire. */
  url: string;
};

export type Stage = {
  /** The function's variables, which lead to its sink through a wire. */
  environment: Record<string, string>;
  wire: SinkWire;
  /** Makes so many events, each with a separate effect. */
  events: (tenant: string, count: number) => Promise<Produced[]>;
  /** How often each event's effect is in the sink, bypassing the wire; events without effect may be absent. */
  effects: (tenant: string, ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /** An event that the sink refuses for good, and the reason in its dead letter. */
  refused: (tenant: string) => Promise<{ event: Produced; reason: string }>;
  /** Ids of events that the function publishes to itself, with the ids of the original events. */
  descendants?: ReadonlyMap<string, string>;
  /** Absent if the events are independent, so that no order matters. */
  history?: History;
  /** The sink's version, for the report. */
  version: () => Promise<string>;
  close: () => Promise<void>;
};

/** Several events about one entity. */
export type History = {
  /** In the order in which they happened. */
  events: (tenant: string, entity: string) => Produced[];
  /** The resulting state, without the entity's name. */
  state: (tenant: string, entity: string) => Promise<unknown>;
  expected: unknown;
};

/** The wire between a function and its sink. */
type SinkWire = {
  /** Holds the request that would apply this tenant's events. */
  hold: (tenant: string) => void;
  /** The number of held requests. */
  held: () => number;
  cut: () => void;
  restore: () => void;
};

/** A sink behind a separate wire. `fits`: whether a request applies an event of the tenant. */
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

/** A sink that shares the wire of broker or ledger: only traffic to the sink (`isSinks`) is cut. */
export function sharedWire(
  proxy: TcpProxy,
  isSinks: (request: string) => boolean,
  fits: (request: string, tenant: string) => boolean,
): SinkWire {
  return { ...sinkWire(proxy, fits), cut: () => proxy.refuse(isSinks) };
}

/** The id of the n-th event of a scenario. */
export function idOf(tenant: string, n: number): string {
  return `${tenant}-${n}`;
}

/** The same timestamp for all events, unless an order matters. */
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
