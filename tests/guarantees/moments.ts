import { until } from "../integration/rabbit-vhost.ts";
import type { Rig } from "./rig.ts";
import type { Produced } from "./subject.ts";

/** Interval in ms between two questions to a sink, which cost it something too. */
const EVERY_MS = 100;

/** Waits for the decisive moment of a scenario. Returns the problem if it does not come. */
export function moment(
  { patience: { momentMs } }: Rig,
  otherwise: string,
  check: () => boolean | Promise<boolean>,
): Promise<string[]> {
  return until("the moment", check, momentMs, EVERY_MS).then(
    () => [],
    () => [otherwise],
  );
}

/** Waits until some of these events have their effect and none of them is recorded in the ledger. */
export async function appliedUnrecorded(
  rig: Rig,
  tenant: string,
  events: readonly Produced[],
): Promise<{ applied: number; missed: string[] }> {
  let applied = 0;
  const missed = await moment(rig, "no effect came before its record", async () => {
    applied = await effects(rig, tenant, events);
    return applied > 0 && rig.recordsHeld() > 0;
  });
  return { applied, missed };
}

/** The number of these events that have had their effect. */
export async function effects(
  rig: Rig,
  tenant: string,
  events: readonly Produced[],
): Promise<number> {
  const ids = events.map(({ id }) => id);
  const found = await rig.stage.effects(tenant, ids);
  return ids.filter((id) => (found.get(id) ?? 0) > 0).length;
}

/**
 * Waits until the ledger knows the outcome of each expected event, each refused event is a dead letter, and
 * all queues are empty. Returns the problem if that does not happen.
 */
export async function atRest(
  rig: Rig,
  { wanted, refused }: { wanted: readonly Produced[]; refused: readonly string[] },
): Promise<string[]> {
  const isAtRest = async () => {
    if (!(await rig.isDrained()) || !(await rig.isSettled(wanted))) return false;
    const dead = (await rig.letters()).map(({ content }) => idIn(content));
    return refused.every((id) => dead.includes(id));
  };
  const { restMs } = rig.patience;
  return until("all come to rest", isAtRest, restMs, 2 * EVERY_MS).then(
    () => [],
    () => [`not at rest after ${restMs / 1_000} s`],
  );
}

/** The id of an event, also of one that is not JSON. */
export function idIn(body: Buffer): string {
  return /"id":\s*"([^"]*)"/.exec(body.toString())?.[1] ?? "";
}
