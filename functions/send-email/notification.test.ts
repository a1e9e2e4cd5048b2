import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { contracts } from "../../events/catalogue.ts";
import { readTemplates } from "../../kit/sending/templates.ts";

const LOCALES = ["en", "uk"];

describe("a mail of the template `notification`", () => {
  const { render } = readTemplates(join(import.meta.dirname, "templates"), "en");
  const mail = (locale: string, data: Record<string, unknown>) =>
    render({ tenant: "acme", template: "notification", locale, data });

  test.each(LOCALES)("says all that the event's sample says, in %s", (locale) => {
    const { sample } = contracts.find(({ type }) => type === "notification.email")!;
    const { data } = sample as unknown as { data: { title: string; message: string } };
    const { subject, text, html } = mail(locale, data);
    expect(subject).toBe(data.title);
    expect(text).toContain(data.message);
    expect(html).toContain(data.message);
  });

  test.each(LOCALES)("prefers a subject to a title, in %s", (locale) => {
    const data = { subject: "This", title: "That", message: "It waits." };
    expect(mail(locale, data).subject).toBe("This");
  });

  test.each(LOCALES)("is refused without a message rather than sent empty, in %s", (locale) => {
    expect(() => mail(locale, { title: "Your order" })).toThrow(/message/);
  });
});
