import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { readTemplates, type Templates } from "./templates.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function read(files: Record<string, string>, limits?: { maxTime: number }): Templates {
  const folder = mkdtempSync(join(tmpdir(), "warren-templates-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return readTemplates(folder, "en", limits);
}

const hello = { tenant: "acme", template: "hello", locale: undefined, data: { name: "Olena" } };

describe("picks", () => {
  const { render } = read({
    "hello.en.text.liquid": "Hello, {{ data.name }}",
    "hello.uk.text.liquid": "Вітаємо, {{ data.name }}",
    "hello.pt-BR.text.liquid": "Oi, {{ data.name }}",
    "tenants/globex/hello.en.text.liquid": "Globex greets {{ data.name }}",
  });

  test.each([
    ["acme", undefined, "Hello, Olena"],
    ["acme", "uk", "Вітаємо, Olena"],
    ["acme", "uk-UA", "Вітаємо, Olena"],
    ["acme", "UK_ua", "Вітаємо, Olena"],
    ["acme", "pt-BR", "Oi, Olena"],
    ["acme", "pt", "Hello, Olena"],
    ["acme", "?", "Hello, Olena"],
    ["globex", "uk", "Globex greets Olena"],
  ])("for %s and the locale %s the template that says %s", (tenant, locale, text) => {
    expect(render({ ...hello, tenant, locale })).toEqual({ text });
  });

  test("no tenant's templates for another, whatever it is called", () => {
    expect(render({ ...hello, tenant: "tenants/globex" }).text).toBe("Hello, Olena");
    expect(() => render({ ...hello, template: "tenants/globex/hello" })).toThrow(PermanentError);
  });
});

describe("renders", () => {
  test("html escaped, subject and text as they are", () => {
    const { render } = read({
      "hello.en.subject.liquid": "For {{ data.name }}",
      "hello.en.text.liquid": "Hello, {{ data.name }}",
      "hello.en.html.liquid": "<p>{{ data.name }}</p>",
    });
    expect(render({ ...hello, data: { name: "<b>&'\"" } })).toEqual({
      subject: "For <b>&'\"",
      text: "Hello, <b>&'\"",
      html: "<p>&lt;b&gt;&amp;&#39;&#34;</p>",
    });
  });

  test("what a partial says about data escaped too", () => {
    const { render } = read({
      "partials/page.html.liquid": "<html>{% block body %}{% endblock %}</html>",
      "partials/name.html.liquid": "<i>{{ name }}</i>",
      "hello.en.text.liquid": "-",
      "hello.en.html.liquid":
        '{% layout "partials/page.html.liquid" %}{% block body %}' +
        '{% render "partials/name.html.liquid", name: data.name %}{% endblock %}',
    });
    expect(render({ ...hello, data: { name: "<b>" } }).html).toBe("<html><i>&lt;b&gt;</i></html>");
  });

  test("a subject of one line, whatever the data hold", () => {
    const { render } = read({
      "hello.en.subject.liquid": "For {{ data.name }}\n",
      "hello.en.text.liquid": "-",
    });
    const name = "x\r\nBcc: everybody@example.com\u0000\u2028y";
    expect(render({ ...hello, data: { name } }).subject).toBe("For x Bcc: everybody@example.com y");
  });

  test("money as the reader's locale writes it", () => {
    const { render } = read({
      "hello.en.text.liquid": "{{ data.total | money: data.currency }}",
      "hello.uk.text.liquid": "{{ data.total | money: data.currency }}",
    });
    const data = { total: "1234567890123456.50", currency: "UAH" };
    expect(render({ ...hello, data }).text).toBe("UAH\u00a01,234,567,890,123,456.50");
    expect(render({ ...hello, data, locale: "uk" }).text).toBe(
      "1\u00a0234\u00a0567\u00a0890\u00a0123\u00a0456,50\u00a0₴",
    );
  });

  test("nothing of an object's prototype", () => {
    const { render } = read({ "hello.en.text.liquid": "{{ data.constructor.name }}" });
    expect(() => render(hello)).toThrow("undefined variable: data.constructor");
  });
});

describe("refuses for good", () => {
  const refusal = (text: string, data: Record<string, unknown>) => {
    const { render } = read({ "hello.en.text.liquid": text });
    try {
      render({ ...hello, data });
    } catch (error) {
      expect(error).toBeInstanceOf(PermanentError);
      return (error as Error).message;
    }
    return undefined;
  };

  test("a variable that the data does not have, by its name", () => {
    expect(refusal("{{ data.nmae }}", { name: "Olena" })).toBe(
      "template hello.en.text.liquid: undefined variable: data.nmae",
    );
    expect(refusal("{% if data.nick %}{{ data.nick }}{% endif %}", {})).toBeUndefined();
  });

  test("what fails on the data, without quoting them", () => {
    expect(
      refusal("\n{{ data.total | money: data.currency }}", { total: 1, currency: "secret" }),
    ).toBe("template hello.en.text.liquid: RangeError in line 2");
  });

  test("what becomes too large", () => {
    const many = Array.from({ length: 2_000 }, () => "x".repeat(100));
    expect(refusal("{{ data.many | join }}", { many })).toBe(
      "template hello.en.text.liquid: makes more than 100000 characters",
    );
  });

  test("a template that is not there, by what is printable of its name", () => {
    const { render } = read({ "hello.en.text.liquid": "-" });
    expect(() => render({ ...hello, template: "hullo\n{}" })).toThrow(
      new PermanentError("there is no template hullo???"),
    );
  });
});

test("gives up what takes too long, but not for good: the machine may be busy", () => {
  const endless = "{% for a in (1..9999) %}{% for b in (1..9999) %}{% endfor %}{% endfor %}";
  const { render } = read({ "hello.en.text.liquid": endless }, { maxTime: 20 });
  const failure = new Error("template hello.en.text.liquid: takes longer than 20 ms");
  expect(() => render(hello)).toThrow(failure);
  expect(() => render(hello)).not.toThrow(PermanentError);
});

describe("does not start with", () => {
  test.each([
    ["hello.en.text.liquid", "{% if %", "template hello.en.text.liquid: "],
    ["hello.en.text.liquid", "{{ data.name | shout }}", "undefined filter: shout"],
    ["hello.en.text.liquid", '{% render "../../secret" %}', "template hello.en.text.liquid: "],
    ["hello.en.text.liquid", '{% render "/etc/hostname" %}', "template hello.en.text.liquid: "],
    ["hello.text.liquid", "-", "template hello.text.liquid is not named"],
    ["hello.en.html.liquid", "-", "hello.en.html.liquid has no text beside it"],
  ])("%s that holds %s", (path, text, problem) => {
    expect(() => read({ [path]: text })).toThrow(problem);
  });
});
