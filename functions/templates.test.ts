import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { contracts, parseEvent } from "../events/catalogue.ts";
import { readTemplates } from "../kit/sending/templates.ts";

const LOCALES = ["en", "uk"];

/** Of templates that are named for no event: what a producer may give them, and nothing at all. */
const SAMPLES: Record<string, Record<string, unknown>[]> = {
  welcome: [{ name: "Olena" }, {}],
  notification: [
    { message: "Your table is ready.", title: "Tonight", subject: "Tonight" },
    { message: "Your table is ready." },
  ],
  order_confirmation: [{ order_number: "ORD-1", total: "12.50", currency: "UAH" }, {}],
  password_reset: [{ url: "https://shop.example/reset?t=1" }, {}],
};

const folders = readdirSync(import.meta.dirname)
  .map((name) => ({ name, folder: join(import.meta.dirname, name, "templates") }))
  .filter(({ folder }) => existsSync(folder));

test("every channel has templates", () => {
  const channels = readdirSync(import.meta.dirname).filter((name) => name.startsWith("send-"));
  expect(folders.map(({ name }) => name)).toEqual(channels);
});

describe.each(folders)("$name", ({ folder }) => {
  const { names, render } = readTemplates(folder, "en");

  test.each(names.flatMap((template) => LOCALES.map((locale) => [template, locale] as const)))(
    "%s says the same of every sample, in %s, with and without what may be missing",
    (template, locale) => {
      const samples = SAMPLES[template] ?? samplesOf(template);
      expect(samples).not.toEqual([]);
      for (const data of samples) {
        const content = render({ tenant: "acme", template, locale, data });
        expect(content.text).not.toMatch(/undefined|\[object|\{\{|^$/);
        expect(content.html ?? "").not.toMatch(/undefined|\[object|\{\{/);
        expect(content.subject ?? "-").not.toMatch(/undefined|\[object|\{\{|^$/);
      }
    },
  );

  test("no text is in the wrong language", () => {
    // A notification says what its event says, in whatever language that is.
    for (const template of names.filter((name) => name !== "notification")) {
      const [data] = SAMPLES[template] ?? samplesOf(template);
      const say = (locale: string) => render({ tenant: "acme", template, locale, data: data! });
      expect(JSON.stringify(say("en"))).not.toMatch(/\p{Script=Cyrillic}/u);
      expect(say("uk").text).toMatch(/\p{Script=Cyrillic}/u);
    }
  });
});

/** The event's sample, as a consumer parses it, and what is left of it without its optional fields. */
function samplesOf(type: string): Record<string, unknown>[] {
  const terms = contracts.find((one) => one.type === type);
  if (terms === undefined) return [];
  const parsed = (data: object) => {
    const envelope = { id: "e", type, source: "test", timestamp: "2026-11-21T10:00:00Z" };
    const body = JSON.stringify({ ...envelope, tenant_id: "acme", data });
    try {
      return [parseEvent(Buffer.from(body)).event.data as Record<string, unknown>];
    } catch {
      return [];
    }
  };
  const { sample } = terms;
  const without = Object.keys(sample).flatMap((name) =>
    parsed(Object.fromEntries(Object.entries(sample).filter(([key]) => key !== name))),
  );
  return [...parsed(sample), ...without];
}
