import * as z from "zod";
import { management } from "../../lib/rabbit/management.ts";
import { UNCONSUMED, EVENTS_EXCHANGE } from "../../lib/rabbit/names.ts";
import type { Arguments, Binding, Topology } from "../../lib/rabbit/topology.ts";

const args = z.record(z.string(), z.union([z.string(), z.number()]).catch("(other)"));
const exchanges = z.array(
  z.object({ name: z.string(), type: z.string(), durable: z.boolean(), arguments: args }),
);
const queues = z.array(z.object({ name: z.string(), durable: z.boolean(), arguments: args }));
const bindings = z.array(
  z.object({
    source: z.string(),
    destination: z.string(),
    destination_type: z.string(),
    routing_key: z.string(),
  }),
);

/** The contents of a vhost, as the management API reports them. */
export type Live = {
  exchanges: z.infer<typeof exchanges>;
  queues: z.infer<typeof queues>;
  bindings: Binding[];
};

/** Reads the vhost of `url`; the management API accepts the same user. Throws ManagementError, also after 10 s. */
export async function readLive({
  url,
  managementUrl,
}: {
  url: string;
  managementUrl: string;
}): Promise<Live> {
  const { get, vhost } = management({ url, managementUrl });
  const [liveExchanges, liveQueues, liveBindings] = await Promise.all([
    get(`exchanges/${vhost}`, exchanges),
    get(`queues/${vhost}`, queues),
    get(`bindings/${vhost}`, bindings),
  ]);
  return {
    exchanges: liveExchanges,
    queues: liveQueues,
    bindings: liveBindings
      .filter((binding) => binding.destination_type === "queue" && binding.source !== "")
      .map(({ source, destination, routing_key: routingKey }) => ({
        source,
        destination,
        routingKey,
      })),
  };
}

/** One sentence for each difference: missing, different or superfluous on the broker. */
export function differences(wanted: Topology, live: Live): string[] {
  return [...missing(wanted, live), ...changed(wanted, live), ...leftBehind(wanted, live)];
}

function missing(wanted: Topology, live: Live): string[] {
  const exchangeNames = new Set(live.exchanges.map(({ name }) => name));
  const queueNames = new Set(live.queues.map(({ name }) => name));
  return [
    ...wanted.exchanges
      .filter(({ name }) => !exchangeNames.has(name))
      .map(({ name }) => `exchange ${name}`),
    ...wanted.queues.filter(({ name }) => !queueNames.has(name)).map(({ name }) => `queue ${name}`),
    ...without(wanted.bindings, live.bindings).map((one) => `binding ${textOf(one)}`),
  ].map((what) => `${what} is missing`);
}

/** What exists with other properties: the broker refuses to declare it. */
export function changed(wanted: Topology, live: Live): string[] {
  const exchangesByName = new Map(live.exchanges.map((one) => [one.name, one]));
  const queuesByName = new Map(live.queues.map((one) => [one.name, one]));
  const traits = (one: { type?: string; durable?: boolean; arguments: Arguments }): Arguments => ({
    ...(one.type !== undefined && { type: one.type }),
    durable: `${one.durable ?? true}`,
    ...one.arguments,
  });
  return [
    ...wanted.exchanges.flatMap((one) => {
      const found = exchangesByName.get(one.name);
      return found ? differ(`exchange ${one.name}`, traits(one), traits(found)) : [];
    }),
    ...wanted.queues.flatMap((one) => {
      const found = queuesByName.get(one.name);
      return found ? differ(`queue ${one.name}`, traits(one), traits(found)) : [];
    }),
  ];
}

function leftBehind(wanted: Topology, live: Live): string[] {
  return [
    ...staleBindings(wanted, live).map(
      (one) => `binding ${textOf(one)} is stale: its function no longer accepts that type`,
    ),
    ...strangers(wanted, live).map(
      (queue) => `queue ${queue} takes events, but no function consumes it: it will fill up`,
    ),
    ...leftRetryQueues(wanted, live).map(
      (queue) => `queue ${queue} belongs to no configured retry delay: delete it once it is empty`,
    ),
  ];
}

/** Bindings of Warren's queues that no function needs any more. */
export function staleBindings(wanted: Topology, live: Live): Binding[] {
  const ours = new Set(wanted.queues.map(({ name }) => name));
  return without(fromOurExchanges(live), wanted.bindings).filter(({ destination }) =>
    ours.has(destination),
  );
}

function strangers(wanted: Topology, live: Live): string[] {
  const ours = new Set(wanted.queues.map(({ name }) => name));
  const bound = fromOurExchanges(live).map(({ destination }) => destination);
  return [...new Set(bound)].filter((name) => !ours.has(name));
}

function leftRetryQueues(wanted: Topology, live: Live): string[] {
  const ours = new Set(wanted.queues.map(({ name }) => name));
  return live.queues
    .map(({ name }) => name)
    .filter((name) => !ours.has(name) && ours.has(name.replace(/\.retry\.[0-9]+(ms|s|m|h)$/, "")));
}

function fromOurExchanges({ bindings: all }: Live): Binding[] {
  return all.filter(({ source }) => source === EVENTS_EXCHANGE || source === UNCONSUMED);
}

function without(bindings: readonly Binding[], others: readonly Binding[]): Binding[] {
  const known = new Set(others.map(textOf));
  return bindings.filter((binding) => !known.has(textOf(binding)));
}

function textOf({ source, routingKey, destination }: Binding): string {
  return `${source} --${routingKey}--> ${destination}`;
}

function differ(name: string, wanted: Arguments, found: Arguments): string[] {
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  return keys
    .filter((key) => wanted[key] !== found[key])
    .map(
      (key) => `${name}: ${key} is ${found[key] ?? "absent"}, should be ${wanted[key] ?? "absent"}`,
    );
}
