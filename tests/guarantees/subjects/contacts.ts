import { optOutField, userKey } from "../../../kit/people/contact.ts";
import { MAX_DOCUMENT_BYTES } from "../../../kit/people/directory.ts";
import { openDirectory, type OpenDirectory } from "../../../kit/people/open-directory.ts";
import { ticketKey } from "../../../kit/people/parties.ts";
import { environment } from "../../integration/lane.ts";
import {
  type Around,
  type History,
  idOf,
  produced,
  sharedWire,
  type Stage,
  type Subject,
} from "../subject.ts";

export const contacts: Subject = {
  name: "contacts",
  sink: "the directory",
  proof:
    "every field has the stamp of the event that set it, and a write that lost a race is done again; the same event twice changes nothing, so nobody can see more than one effect",
  vow: "once",
  open,
};

const never = new AbortController().signal;

async function open({ dynamodb }: Around): Promise<Stage> {
  const table = environment["DIRECTORY_TABLE"]!;
  const directory = openDirectory({ table });

  return {
    environment: {},
    wire: sharedWire(
      dynamodb,
      (request) => request.includes(table),
      (request, tenant) =>
        request.includes("BatchExecuteStatement") &&
        request.includes(table) &&
        request.includes(tenant),
    ),
    events: async (tenant, count) =>
      Array.from({ length: count }, (_, n) => {
        const id = idOf(tenant, n);
        return produced(tenant, id, "user.signup", { user_id: id, email: `${id}@example.org` });
      }),
    async effects(tenant, ids) {
      const found = await directory.read(
        ids.map((id) => userKey(tenant, id)),
        never,
      );
      const there = ids.filter((id, index) => {
        const { stamp, value } = found[index]?.["email"] ?? {};
        return value === `${id}@example.org` && stamp?.split("#")[1] === id;
      });
      return new Map(there.map((id) => [id, 1]));
    },
    async refused(tenant) {
      const value = "x".repeat(MAX_DOCUMENT_BYTES - 1_000);
      const key = ticketKey(tenant, "large");
      await directory.merge([{ key, fields: { past: { stamp: "0", value } } }], never);
      const watcher_ids = Array.from({ length: 50 }, (_, n) => idOf(tenant, n));
      const ticket = { ticket_id: "large", title: "one watcher too many", watcher_ids };
      const event = produced(tenant, `${tenant}-refused`, "ticket.created", {
        ...ticket,
        owner_id: "o",
      });
      return { event, reason: "refused" };
    },
    history: history(directory),
    version: async () => "a table in DynamoDB Local",
    close: () => directory.close(),
  };
}

/** A customer who is created, moves, loses the phone, and unsubscribes and resubscribes mails. */
function history(directory: OpenDirectory): History {
  return {
    events(tenant, entity) {
      const customer_id = entity;
      const mails = { channel: "email", user_id: entity };
      const told: [string, Record<string, unknown>][] = [
        ["customer.created", { customer_id, name: "Olena", email: "old@example.org", phone: "1" }],
        ["recipient.unsubscribed", mails],
        ["customer.updated", { customer_id, changes: { email: "new@example.org" } }],
        ["customer.updated", { customer_id, changes: { phone: null } }],
        ["recipient.resubscribed", mails],
        ["customer.updated", { customer_id, changes: { name: "Olena K." } }],
      ];
      return told.map(([type, data], second) =>
        produced(
          tenant,
          `${tenant}-${entity}-${second}`,
          type,
          data,
          `2026-11-20T10:00:0${second}Z`,
        ),
      );
    },
    async state(tenant, entity) {
      const [found = {}] = await directory.read([userKey(tenant, entity)], never);
      return Object.fromEntries(Object.entries(found).map(([name, { value }]) => [name, value]));
    },
    expected: {
      known: true,
      name: "Olena K.",
      email: "new@example.org",
      phone: null,
      [optOutField("email")]: false,
    },
  };
}
