import type { Chance } from "../model/random.ts";
import type { Happening } from "./happening.ts";
import { AGENTS } from "./people.ts";

/** Somebody asks, agents answer, and in the end it is solved, or not. */
export function* support(
  { ticket_id, owner_id }: { ticket_id: string; owner_id: string },
  chance: Chance,
): Generator<Happening> {
  const agent = chance.pick(AGENTS);
  let watcher_ids: string[] = [agent];
  let messages = 0;

  yield {
    type: "ticket.created",
    data: {
      ticket_id,
      title: `About ${ticket_id}`,
      ...(chance.hits(0.5) && { description: "It wobbles." }),
      owner_id,
      watcher_ids,
      ...(chance.hits(0.5) && { status: "open" }),
      ...(chance.hits(0.5) && { priority: chance.pick(["low", "high"]) }),
    },
  };
  for (let rounds = chance.int(1, 3); rounds > 0; rounds -= 1) {
    yield message(agent, `@${owner_id} which leg is it?`);
    yield message(owner_id, "The left one.");
    if (chance.hits(0.3)) {
      watcher_ids = [...new Set([...watcher_ids, chance.pick(AGENTS)])];
      const priority = chance.hits(0.3) ? { priority: null } : {};
      yield { type: "ticket.updated", data: { ticket_id, changes: { watcher_ids, ...priority } } };
    }
  }
  const status = { old_status: "open", new_status: chance.pick(["solved", "rejected"]) };
  yield { type: "ticket.status_changed", data: { ticket_id, owner_id, watcher_ids, ...status } };

  function message(author: string, content: string): Happening {
    const message_id = `msg_${(messages += 1)}_${ticket_id}`;
    // The old ticket system is still in use in places.
    if (chance.hits(0.1)) {
      const data = { id: message_id, ticketId: ticket_id, authorId: author, content };
      return { type: "message.sent", data, version: "0.1" };
    }
    const mentioned_ids = content.startsWith("@") ? [owner_id] : [];
    const about = { message_id, ticket_id, author_id: author, content };
    return { type: "message.sent", data: { ...about, watcher_ids, mentioned_ids } };
  }
}
