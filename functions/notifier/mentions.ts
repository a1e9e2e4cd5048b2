/** Further mentions in one message are ignored. */
const MAX_MENTIONS = 50;
/** Longest user id (events/fields.ts). */
const MAX_ID = 200;

/**
 * The user ids that a text mentions as `@user_id`, each once. An id consists of letters and digits, with
 * `_ . -` inside. Ignores the @ of a mail address, and a full stop after a name.
 */
export function mentionsIn(text: string): string[] {
  const names = text.matchAll(/(?<![\p{L}\p{N}_.@-])@([\p{L}\p{N}_]+(?:[.-]+[\p{L}\p{N}_]+)*)/gu);
  const distinct = new Set(Array.from(names, ([, name = ""]) => name));
  return [...distinct].filter((name) => name.length <= MAX_ID).slice(0, MAX_MENTIONS);
}
