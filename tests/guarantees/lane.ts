import { randomUUID } from "node:crypto";
import { atRest, idIn } from "./moments.ts";
import { reasonOf, type Rig } from "./rig.ts";
import type { Act, Scenario } from "./scenarios.ts";
import type { Vow } from "./subject.ts";
import { type Cell, judge, type Observed, tally } from "./verdict.ts";

type Played = {
  scenario: Scenario;
  tenant: string;
  act: Act;
  /** Problems of the scenario or the host. */
  missed: string[];
  /** The first and the last line of the host's log that belong to the scenario. */
  from: number;
  to: number;
};

/**
 * Plays scenarios one after the other in one host. Counts once the host has stopped, so that nothing can
 * follow. Returns a cell for each scenario, by its title.
 */
export async function playAll(
  rig: Rig,
  some: readonly Scenario[],
  vow: Vow,
): Promise<[string, Cell][]> {
  const all: Played[] = [];
  const atLast: (() => Promise<void>)[] = [];
  for (const scenario of some) {
    const tenant = `g-${randomUUID()}`;
    const from = rig.lines().length;
    const act = await scenario.play(rig, tenant);
    const played = { scenario, tenant, act, missed: [...act.missed], from, to: from };
    const rest = async () => {
      const refused = [...(act.refused ?? new Map()).keys()];
      played.missed.push(...(await atRest(rig, { wanted: act.wanted, refused })));
      played.to = rig.lines().length;
    };
    all.push(played);
    // The claims of dead senders must expire: all kills wait for that together.
    if (scenario.kills && vow !== "once") atLast.push(rest);
    else await rest();
  }
  for (const rest of atLast) await rest();

  const problems = await rig.stop();
  const left = await rig.left();
  const cells: [string, Cell][] = [];
  for (const played of all) {
    const { act, scenario } = played;
    const asked = {
      wanted: act.wanted.map(({ id }) => id),
      refused: act.refused ?? new Map<string, string>(),
      missed: [...played.missed, ...problems],
      seen: act.seen(),
    };
    const observed = { ...(await observe(rig, played)), left };
    cells.push([scenario.title, judge(vow, asked, observed)]);
  }
  return cells;
}

async function observe(
  rig: Rig,
  { tenant, act, from, to }: Played,
): Promise<Omit<Observed, "left">> {
  const original = (id: string) => rig.stage.descendants?.get(id) ?? id;
  const lines = rig.lines();
  const reported = lines
    .filter((line) => line["outcome"] === "uncertain" && line["tenant"] === tenant)
    .map(({ id }) => original(String(id)));
  const letters = (await rig.letters()).filter(({ content }) => content.includes(tenant));
  const ids = [...act.wanted.map(({ id }) => id), ...(act.refused ?? new Map()).keys()];
  return {
    effects: await rig.stage.effects(tenant, ids),
    reported: new Map(Object.entries(tally(reported))),
    dead: letters.map((letter) => ({
      id: original(idIn(letter.content)),
      reason: reasonOf(letter),
    })),
    interruptions: lines.slice(from, to).filter(({ msg }) => INTERRUPTED.has(msg)).length,
  };
}

/** Log messages of a host for a batch that was not settled completely. */
const INTERRUPTED = new Set<unknown>(["batch handed back", "a worker died"]);
