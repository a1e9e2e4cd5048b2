import { eventText, isKiller, type SimulatedEvent } from "./event.ts";
import { MEMORY_MS, type World } from "./record.ts";

/** So many processes must end while a message is alone before it is accused. */
const STRIKES = 3;

/**
 * What runs that conform to PROTOCOL never show, checked on a run that has come to rest. Each excuse is
 * one of an event: a fault excuses the events that its request was about, or that its process had in hand.
 */
export function violationsOf(world: World): string[] {
  const found = [...world.violations];
  if (found.length > 0) return found;

  for (const event of world.accepted) {
    const name = eventText(event);
    const mishaps = world.mishaps.get(event.id) ?? 0;
    const lastEffect = world.lastEffect.get(name);
    const reasons = reasonsOf(event, world);

    if (lastEffect === undefined && reasons.length === 0) {
      found.push(`${name} (${event.kind}) is lost`);
    }
    for (const reason of reasons) {
      if (!mayDie(event, reason, world)) found.push(`${name} (${event.kind}) is dead: ${reason}`);
    }
    // A second dead letter, or one beside an effect, takes a mishap between confirm and record; but a
    // reused id leaves no record, so each of its copies is reported.
    const reported = reasons.includes("id reused") ? world.published.get(name)! : 1;
    if (reasons.length > reported + mishaps) {
      found.push(`${name} has ${reasons.length} dead letters`);
    }
    // Of two events under one id the first to be recorded wins, which may differ from copy to copy.
    const others = reasons.filter((reason) => reason !== "id reused");
    if (mishaps === 0 && lastEffect !== undefined && others.length > 0) {
      found.push(`${name} is both applied and dead: ${reasons.join(", ")}`);
    }
    const isRemembered = lastEffect !== undefined && world.endedAt - lastEffect < MEMORY_MS;
    if (isRemembered && reasons.length === 0 && !world.recorded.has(name)) {
      found.push(`${name} was applied, and nobody has recorded it`);
    }
  }
  for (const name of world.spent) {
    if (!world.maySpend.has(idIn(name))) found.push(`${name} has spent an attempt on an outage`);
  }
  for (const id of world.claimed) {
    if (!world.late.has(id)) found.push(`${id} is still claimed`);
  }
  return [...found, ...appliedTwice(world)];
}

function mayDie(event: SimulatedEvent, reason: string, world: World): boolean {
  switch (reason) {
    case "refused":
      return event.kind === "refused";
    case "crashes its consumer":
      // The known exception: three strikes from outside on this one message while it was alone.
      return isKiller(event) || (world.strikes.get(event.id) ?? 0) >= STRIKES;
    case "send uncertain":
      return !world.switches.repeatable && world.mayBeUncertain.has(event.id);
    case "id reused":
      return world.accepted.filter(({ id }) => id === event.id).length > 1;
    default:
      return false;
  }
}

/**
 * Events of different bodies under one id: only one of them may have an effect. Without a digest in
 * the sink's proof two that meet may both have it, and then one of them has a dead letter that says so.
 */
function appliedTwice(world: World): string[] {
  const { accepted, lastEffect, switches } = world;
  const maySaySo = switches.repeatable && !switches.digestProofs;
  const applied = accepted.filter((event) => lastEffect.has(eventText(event)));
  return [...Map.groupBy(applied, ({ id }) => id)].flatMap(([id, events]) => {
    const times = events.map((event) => lastEffect.get(eventText(event))!);
    const isWithinMemory = Math.max(...times) - Math.min(...times) < MEMORY_MS;
    const isSaid = events.some((event) => reasonsOf(event, world).includes("id reused"));
    if (events.length < 2 || !isWithinMemory || (maySaySo && isSaid)) return [];
    return [`${id} was applied as ${events.map(eventText).join(" and ")}`];
  });
}

function reasonsOf(event: SimulatedEvent, { dead }: World): string[] {
  const name = eventText(event);
  return dead
    .filter(({ message }) => eventText(message.event) === name)
    .map(({ reason }) => reason);
}

function idIn(name: string): string {
  return name.split("/")[0]!;
}
