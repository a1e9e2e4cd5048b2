import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId, line, watcherIds } from "./fields.ts";

const text = z.string().max(20_000);

const ticket = z.looseObject({ ticket_id: entityId });

const created = ticket.extend({
  title: line,
  description: text.optional(),
  /** The user who opened the ticket. */
  owner_id: entityId,
  watcher_ids: watcherIds.optional(),
  status: line.optional(),
  priority: line.optional(),
});

/** The form before versions existed: the ticket system's `payload` in `{ event, payload }`. */
const created0 = z
  .looseObject({ id: entityId, title: line, ownerId: entityId })
  .transform(({ id, ownerId, ...rest }) => ({ ...rest, ticket_id: id, owner_id: ownerId }));

/** Only changed fields; null clears a field. */
const changes = z
  .looseObject({
    title: line.optional(),
    description: text.nullable().optional(),
    watcher_ids: watcherIds.optional(),
    priority: line.nullable().optional(),
  })
  .refine((changed) => Object.keys(changed).length > 0, "must hold at least one change");

const updated = ticket.extend({ changes });

const statusChanged = ticket.extend({
  old_status: line.nullish(),
  new_status: line,
  owner_id: entityId.optional(),
  watcher_ids: watcherIds.optional(),
});

const terms = { version: "1.0", key: ({ ticket_id }: { ticket_id: string }) => ticket_id };

export const tickets = [
  contract({
    ...terms,
    type: "ticket.created",
    meaning: "Somebody has opened a ticket.",
    data: created,
    sample: {
      ticket_id: "ticket_9",
      title: "The chair wobbles",
      description: "Since this morning.",
      owner_id: "user_1",
      watcher_ids: ["user_2"],
      status: "open",
      priority: "high",
    },
    older: [
      {
        version: "0.1",
        data: created0,
        sample: { id: "ticket_9", title: "The chair wobbles", ownerId: "user_1" },
      },
    ],
  }),
  contract({
    ...terms,
    type: "ticket.updated",
    meaning: "What a ticket says has changed; null clears a field.",
    data: updated,
    sample: { ticket_id: "ticket_9", changes: { priority: "low", watcher_ids: ["user_2"] } },
  }),
  contract({
    ...terms,
    type: "ticket.status_changed",
    meaning: "A ticket has another status.",
    data: statusChanged,
    sample: {
      ticket_id: "ticket_9",
      old_status: "open",
      new_status: "solved",
      owner_id: "user_1",
      watcher_ids: ["user_2"],
    },
  }),
] as const;
