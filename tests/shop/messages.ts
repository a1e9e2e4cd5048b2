import type { Received } from "../../infra/providers/received.ts";

/** An event as it was posted, as far as somebody is told of it. */
export type ToldEvent = {
  id: string;
  type: string;
  tenant_id: string;
  data: Readonly<Record<string, unknown>>;
};

/** A message that must come once; if it is not `sure`, it may come once or not at all. */
export type ExpectedMessage = {
  channel: Received["channel"];
  /** Any of the addresses that its recipient ever had: which one depends on when it was sent. */
  to: readonly string[];
  /** What it speaks of, in some language. Nobody can read a push. */
  says: RegExp;
  sure: boolean;
  /** For whoever reads a difference. */
  because: string;
};

type Channel = Received["channel"];
type Party = "customer" | "owner" | "watchers" | "mentioned" | "user";

/** Who hears of what. Written down anew, to check functions/notifier/rules.ts against. */
const TOLD: Record<string, { to: Party[]; by: Channel[]; about: string; words: RegExp }> = {
  "user.signup": { to: ["user"], by: ["email"], about: "", words: /Welcome|Вітаємо/ },
  "order.confirmed": {
    to: ["customer"],
    by: ["email", "telegram"],
    about: "order_id",
    words: /confirmed|підтвердили/,
  },
  "order.shipped": {
    to: ["customer"],
    by: ["email", "sms", "push"],
    about: "order_id",
    words: /on its way|в дорозі/,
  },
  "order.refunded": {
    to: ["customer"],
    by: ["email"],
    about: "order_id",
    words: /refunded|повернули/,
  },
  "payment.failed": {
    to: ["customer"],
    by: ["email", "push"],
    about: "order_id",
    words: /did not go through|не пройшла/,
  },
  "ticket.created": {
    to: ["owner", "watchers"],
    by: ["email"],
    about: "ticket_id",
    words: /is open|Відкрито/,
  },
  "ticket.status_changed": {
    to: ["owner", "watchers"],
    by: ["email", "push"],
    about: "ticket_id",
    words: /is now|Новий стан/,
  },
  "message.sent": {
    to: ["watchers", "mentioned"],
    by: ["email", "push"],
    about: "ticket_id",
    words: /wrote in ticket|пише у зверненні/,
  },
};

type Person = {
  introductions: Record<string, unknown>[];
  /** By field: every value it was ever given. */
  values: Map<string, Set<unknown>>;
  optedOut: Set<Channel>;
};

/** Where people are reached, by channel: the field of customer.created, user.signup and their changes. */
const FIELD = {
  email: "email",
  sms: "phone",
  telegram: "telegram_chat_id",
  push: "push_subscriptions",
} as const;

/**
 * The messages that these events must give, in whatever order they were delivered: told from what is
 * known in the end, without directory, ids or queues. Where the order decides (an address that came
 * or went meanwhile, an opt-out), the message is not `sure`.
 */
export function expectedMessages(events: readonly ToldEvent[]): ExpectedMessage[] {
  const people = new Map<string, Person>();
  /** By order or ticket: each thing that was said of who belongs to it. */
  const parties = new Map<string, Record<string, unknown>[]>();
  for (const event of events) learn(event);
  return events.flatMap(messagesOf);

  function learn({ type, tenant_id, data }: ToldEvent): void {
    const { customer_id, user_id, email, order_id, ticket_id, changes } = data;
    if (type === "user.signup" || type === "customer.created") {
      introduce(tenant_id, customer_id ?? user_id ?? email, data);
    } else if (type === "customer.updated") {
      note(person(tenant_id, customer_id), changes as Record<string, unknown>);
    } else if (type === "recipient.unsubscribed" && user_id !== undefined) {
      person(tenant_id, user_id).optedOut.add(data["channel"] as Channel);
    } else if (type === "order.created") {
      belong(key(tenant_id, "order", order_id), data);
    } else if (type === "ticket.created") {
      belong(key(tenant_id, "ticket", ticket_id), data);
    } else if (type === "ticket.updated") {
      belong(key(tenant_id, "ticket", ticket_id), changes as Record<string, unknown>);
    }
  }

  function belong(to: string, data: Readonly<Record<string, unknown>>): void {
    parties.set(to, [...(parties.get(to) ?? []), data]);
  }

  function introduce(tenant: string, id: unknown, data: Readonly<Record<string, unknown>>): void {
    const one = person(tenant, id);
    one.introductions.push(data);
    note(one, data);
  }

  function note({ values }: Person, data: Readonly<Record<string, unknown>>): void {
    for (const field of Object.values(FIELD)) {
      if (data[field] === undefined) continue;
      values.set(field, (values.get(field) ?? new Set()).add(data[field]));
    }
  }

  function person(tenant: string, id: unknown): Person {
    const name = key(tenant, "person", id);
    const known = people.get(name);
    if (known !== undefined) return known;
    const made: Person = { introductions: [], values: new Map(), optedOut: new Set() };
    people.set(name, made);
    return made;
  }

  function messagesOf(event: ToldEvent): ExpectedMessage[] {
    const direct = directMessage(event);
    if (direct !== undefined) return direct;
    const told = TOLD[event.type];
    if (told === undefined) return [];
    const about = told.about === "" ? "" : text(event.data[told.about]);
    const says = new RegExp(`^(?=[^]*${escaped(about)})(?=[^]*(?:${told.words.source}))`);
    return [...recipientsOf(event, told.to)].flatMap(([id, sure]) =>
      told.by.flatMap((channel) =>
        messagesTo(event, { id, channel, says }).map((one) => ({ ...one, sure: one.sure && sure })),
      ),
    );
  }

  /** What a producer has somebody told word for word; undefined for other events. */
  function directMessage(event: ToldEvent): ExpectedMessage[] | undefined {
    const { id, type, tenant_id, data } = event;
    const to = (channel: Channel, address: unknown, message: unknown): ExpectedMessage[] => [
      {
        channel,
        to: [String(address)],
        says: new RegExp(escaped(String(message))),
        sure: true,
        because: `${type} ${id} of ${tenant_id}`,
      },
    ];
    switch (type) {
      case "notification.email":
        return to("email", data["recipient"], (data["data"] as { message: string }).message);
      case "notification.sms":
        return to("sms", data["phone"], data["message"]);
      case "notification.telegram":
        return to("telegram", data["chat_id"], data["message"]);
      case "notification.push":
        return messagesTo(event, { id: text(data["user_id"]), channel: "push", says: /^/ });
      default:
        return undefined;
    }
  }

  function messagesTo(
    { id: event, type, tenant_id }: ToldEvent,
    { id, channel, says }: { id: string; channel: Channel; says: RegExp },
  ): ExpectedMessage[] {
    const { introductions, values, optedOut } = person(tenant_id, id);
    const field = FIELD[channel];
    const ever = [...(values.get(field) ?? [])];
    const sure =
      introductions.length > 0 &&
      introductions.every((data) => data[field] !== undefined && data[field] !== null) &&
      !ever.includes(null) &&
      !optedOut.has(channel);
    const because = `${type} ${event} for ${tenant_id}/${id}`;
    if (channel !== "push") {
      const to = ever.filter((one) => one !== null).map(String);
      return to.length === 0 ? [] : [{ channel, to, says, sure, because }];
    }
    // To each device there is. If the list changed, which of them depends on when it was sent.
    const lists = ever.filter((one) => one !== null) as { endpoint: string }[][];
    const endpoints = new Set(lists.flat().map(({ endpoint }) => endpoint));
    return [...endpoints].map((endpoint) => {
      const always = lists.every((list) => list.some((one) => one.endpoint === endpoint));
      return { channel, to: [endpoint], says: /^/, sure: sure && always, because };
    });
  }

  /** By their ids, whether they are told in any case. */
  function recipientsOf(
    { tenant_id, data }: ToldEvent,
    who: readonly Party[],
  ): Map<string, boolean> {
    const order = parties.get(key(tenant_id, "order", data["order_id"])) ?? [];
    const ticket = parties.get(key(tenant_id, "ticket", data["ticket_id"])) ?? [];
    const found = new Map<string, boolean>();
    const add = (ids: readonly unknown[], sure = true) => {
      for (const id of ids.map(text)) {
        if (id !== text(data["author_id"])) found.set(id, sure || (found.get(id) ?? false));
      }
    };
    for (const party of who) {
      switch (party) {
        case "user":
          add([data["user_id"] ?? data["email"]]);
          break;
        case "customer":
          add(one(data["customer_id"]) ?? order.flatMap((said) => one(said["customer_id"]) ?? []));
          break;
        case "owner":
          add(one(data["owner_id"]) ?? ticket.flatMap((said) => one(said["owner_id"]) ?? []));
          break;
        case "watchers": {
          const own = list(data["watcher_ids"]);
          const said = ticket.flatMap((each) => {
            const ids = list(each["watcher_ids"]);
            return ids === undefined ? [] : [ids];
          });
          if (own !== undefined) add(own);
          // Those of the ticket at the time when it is looked at: whoever always was among them.
          else
            for (const id of said.flat())
              add(
                [id],
                said.every((ids) => ids.includes(id)),
              );
          break;
        }
        case "mentioned": {
          add(list(data["mentioned_ids"]) ?? []);
          const words = String(data["content"]).matchAll(/@([\w-]+)/g);
          const named = [...words].map(([, id]) => id!);
          // A name counts if somebody is known by it by then.
          add(
            named.filter((id) => person(tenant_id, id).introductions.length > 0),
            false,
          );
          break;
        }
      }
    }
    return found;
  }
}

function one(value: unknown): unknown[] | undefined {
  return value === undefined ? undefined : [value];
}

function list(value: unknown): unknown[] | undefined {
  return Array.isArray(value) ? (value as unknown[]) : undefined;
}

function key(tenant: string, kind: string, id: unknown): string {
  return `${tenant}#${kind}#${text(id)}`;
}

/** Ids are strings or whole numbers: 100 and "100" are one. */
function text(id: unknown): string {
  return typeof id === "number" ? String(id) : (id as string);
}

/** As a whole: order 1 is not order 10. */
function escaped(text: string): string {
  if (text === "") return "";
  return `(?<![\\w-])${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w-])`;
}
