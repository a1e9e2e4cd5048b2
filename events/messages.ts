import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId, watcherIds } from "./fields.ts";

const content = z.string().min(1).max(20_000);

/** The time of writing, if it differs from the event's timestamp. */
const time = z.iso.datetime({ offset: true });

const sent = z.looseObject({
  message_id: entityId,
  ticket_id: entityId,
  author_id: entityId,
  content,
  sent_at: time.optional(),
  watcher_ids: watcherIds.optional(),
  mentioned_ids: z.array(entityId).max(100).optional(),
});

/** The form before versions existed: the ticket system's `payload` in `{ event, payload }`. */
const sent0 = z
  .looseObject({
    id: entityId,
    ticketId: entityId,
    authorId: entityId,
    content,
    sentAt: time.optional(),
  })
  .transform(({ id, ticketId, authorId, sentAt, ...rest }) => ({
    ...rest,
    message_id: id,
    ticket_id: ticketId,
    author_id: authorId,
    ...(sentAt !== undefined && { sent_at: sentAt }),
  }));

export const messages = [
  contract({
    type: "message.sent",
    meaning: "Somebody has written something about a ticket.",
    version: "1.0",
    data: sent,
    key: ({ ticket_id }) => ticket_id,
    sample: {
      message_id: "msg_3",
      ticket_id: "ticket_9",
      author_id: "user_2",
      content: "@user_1 which leg is it?",
      sent_at: "2024-01-15T10:29:58Z",
      watcher_ids: ["user_1"],
      mentioned_ids: ["user_1"],
    },
    older: [
      {
        version: "0.1",
        data: sent0,
        sample: {
          id: "msg_3",
          ticketId: "ticket_9",
          authorId: "user_2",
          content: "Which leg is it?",
          sentAt: "2024-01-15T10:29:58.000Z",
        },
      },
    ],
  }),
] as const;
