import { eventText, type Kind, type SimulatedEvent, type World } from "./event.ts";

/** What PROTOCOL-conformant runs never show, checked on a run that has come to rest. */
export function violationsOf(world: World): string[] {
  const found = [...world.violations];
  if (found.length > 0) return found;

  for (const event of world.accepted) {
    const name = eventText(event);
    const effects = world.effects.get(name) ?? 0;
    const reasons = world.dead
      .filter(({ message }) => eventText(message.event) === name)
      .map(({ reason }) => reason);

    if (effects === 0 && reasons.length === 0) found.push(`${name} (${event.kind}) is lost`);
    for (const reason of reasons) {
      if (!mayDie(event, reason, world)) found.push(`${name} (${event.kind}) is dead: ${reason}`);
    }
    // A second dead letter, or one beside an effect, takes a fault or a death between confirm and record;
    // but a reused id leaves no record, so each of its copies is reported.
    const reported = reasons.includes("id reused") ? world.published.get(name)! : 1;
    if (reasons.length > reported + world.faults + world.deaths)
      found.push(`${name} has ${reasons.length} dead letters`);
    const faulty = world.faults > 0 || (!world.repeatable && has(world, "killer"));
    // Of two events under one id the first to be recorded wins, which may differ from copy to copy.
    const others = reasons.filter((reason) => reason !== "id reused");
    if (!faulty && effects > 0 && others.length > 0) {
      found.push(`${name} is both applied and dead: ${reasons.join(", ")}`);
    }
  }
  for (const name of world.spent) {
    if (!maySpend(world)) found.push(`${name} has spent an attempt on an outage`);
  }
  for (const [id, names] of appliedById(world)) {
    if (names.length > 1) found.push(`${id} was applied as ${names.join(" and ")}`);
  }
  return found;
}

function mayDie(event: SimulatedEvent, reason: string, world: World): boolean {
  switch (reason) {
    case "refused":
      return event.kind === "refused";
    case "crashes its consumer":
      return event.kind === "killer";
    case "send uncertain":
      // A killer takes along the sends that run beside it.
      return !world.repeatable && (world.faults > 0 || has(world, "killer"));
    case "id reused":
      return world.accepted.filter(({ id }) => id === event.id).length > 1;
    default:
      return false;
  }
}

/**
 * An attempt goes to an error that is no outage: an injected one, a flaky event's (which its group
 * shares), or a send that a killer took along.
 */
function maySpend(world: World): boolean {
  if (world.faults > 0) return true;
  return world.repeatable ? has(world, "flaky") : has(world, "killer");
}

function has({ accepted }: World, kind: Kind): boolean {
  return accepted.some((event) => event.kind === kind);
}

/** Events of different bodies under one id: only one of them may have an effect. */
function appliedById(world: World): Map<string, string[]> {
  const byId = new Map<string, string[]>();
  for (const event of world.accepted) {
    if ((world.effects.get(eventText(event)) ?? 0) === 0) continue;
    byId.set(event.id, [...(byId.get(event.id) ?? []), eventText(event)]);
  }
  return byId;
}
