import { until } from "../integration/rabbit-vhost.ts";
import type { Rig } from "./rig.ts";
import type { Produced } from "./subject.ts";

/** How long a host is waited for, ms: also on a machine with much else to do. */
export type Patience = {
  /** For what makes a scenario the one that it is. */
  momentMs: number;
  /** For all to come to rest. */
  restMs: number;
};

export const PATIENT: Patience = { momentMs: 90_000, restMs: 180_000 };

/** With a fault many a moment never comes. */
export const FAULTY: Patience = { momentMs: 30_000, restMs: 75_000 };

/** To ask a sink costs it something, too. ms */
const EVERY_MS = 100;

/** Waits for what makes a scenario the one that it is. Returns what is wrong if it does not come. */
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

/** Waits until some of these events have their effect and the ledger was kept from recording any. */
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

/** How many of these events have had their effect. */
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
 * Waits until the ledger says of each wanted event what became of it, each refused one is a dead
 * letter, and no queue has anything to give. Returns what is wrong if that does not come.
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

/** Of an event, also of one that is no JSON. */
export function idIn(body: Buffer): string {
  return /"id":\s*"([^"]*)"/.exec(body.toString())?.[1] ?? "";
}
