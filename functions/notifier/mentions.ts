/** More names than these in one message address nobody in particular. */
const MAX_MENTIONS = 50;
/** No user has a longer id (events/fields.ts). */
const MAX_ID = 200;

/**
 * The user ids that a text names with `@user_id`, each once, as far as they consist of letters, digits
 * and `_ . -` inside. Not what follows the @ of a mail address; not the full stop after a name.
 */
export function mentionsIn(text: string): string[] {
  const names = text.matchAll(/(?<![\p{L}\p{N}_.@-])@([\p{L}\p{N}_]+(?:[.-]+[\p{L}\p{N}_]+)*)/gu);
  const distinct = new Set(Array.from(names, ([, name = ""]) => name));
  return [...distinct].filter((name) => name.length <= MAX_ID).slice(0, MAX_MENTIONS);
}
