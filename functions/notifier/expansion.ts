import type { Channel } from "../../kit/people/contact.ts";
import type { Key } from "../../kit/people/directory.ts";
import type { NotifiedEvent } from "./accepts.ts";
import { type Known, parties, type Subject } from "./parties.ts";
import { channelsFor, type Recipient, recipientText } from "./recipient.ts";
import type { Rule } from "./rule.ts";
import { rules } from "./rules.ts";

/** One message to one recipient on one channel, still to be sent. */
export type Notice = {
  channel: Channel;
  kind: string;
  to: Recipient;
  template: string;
  data: Record<string, unknown>;
};

/** The kind and template of notifications that name no template. Recipients opt out by this kind. */
const NOTIFICATION = "notification";

/** Texts in messages are cut after this many UTF-16 units. */
const MAX_TEXT = 5_000;

const rulesByType = Map.groupBy(rules as readonly Rule[], ({ on }) => on);

/** The documents of the directory that are needed to expand an event. */
export function keysFor(event: NotifiedEvent): Key[] {
  const subject = event as Subject;
  const named = (rulesByType.get(event.type) ?? []).flatMap(({ to }) => to);
  return [...new Set(named)].flatMap((party) => parties[party].asks(subject));
}

/**
 * All notices of one event, each once. The content of a notice depends only on the event, the rule and the
 * recipient's id. The list of recipients may also depend on the directory. Throws NotKnownYetError.
 */
export function expand(event: NotifiedEvent, known: Known): Notice[] {
  return [
    ...asItComes(event),
    ...(rulesByType.get(event.type) ?? []).flatMap((rule) => byRule(rule, event, known)),
  ];
}

/** An event that is itself a notification. */
function asItComes({ type, data }: NotifiedEvent): Notice[] {
  if (type === "notification.email") {
    const { template, recipient: address, data: values = {} } = data;
    return [{ channel: "email", kind: template, to: { address }, template, data: values }];
  }
  if (type === "notification.sms") {
    return [plain("sms", { phone: data.phone }, { message: data.message })];
  }
  if (type === "notification.push") {
    const { user_id, message, title } = data;
    return [plain("push", { user_id }, { message, ...(title !== undefined && { title }) })];
  }
  if (type === "notification.telegram") {
    return [plain("telegram", { chat_id: data.chat_id }, { message: data.message })];
  }
  return [];
}

function plain(channel: Channel, to: Recipient, data: Record<string, unknown>): Notice {
  return { channel, kind: NOTIFICATION, to, template: NOTIFICATION, data };
}

function byRule(rule: Rule, event: NotifiedEvent, known: Known): Notice[] {
  const { kind, except, channels } = rule;
  const subject = event as Subject;
  const author = except === undefined ? undefined : fieldsOf(event)[except];
  const told = new Map(
    rule.to
      .flatMap((party) => parties[party].find(subject, known))
      .filter((to) => !("user_id" in to && to.user_id === author))
      .map((to) => [recipientText(to), to]),
  );
  const data = picked(fieldsOf(event), rule.with);
  return [...told.values()].flatMap((to) =>
    channelsFor(to, channels).map((channel) => ({ channel, kind, to, template: kind, data })),
  );
}

function picked(
  data: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const values = names.map((name) => [name, cut(data[name])] as const);
  return Object.fromEntries(values.filter(([, value]) => value != null));
}

function cut(value: unknown): unknown {
  if (typeof value !== "string" || value.length <= MAX_TEXT) return value;
  return `${value.slice(0, MAX_TEXT).toWellFormed()}…`;
}

function fieldsOf({ data }: NotifiedEvent): Readonly<Record<string, unknown>> {
  return data;
}
