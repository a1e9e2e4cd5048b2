import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { Liquid, type LiquidOptions, type Template, UndefinedVariableError } from "liquidjs";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { money } from "./money.ts";
import { localesFor, nameOf, NAMING, type Part, PARTS } from "./template-name.ts";

/** The template to render, with its locale and data. */
type Subject = {
  tenant: string;
  template: string;
  /** The recipient's locale, such as `uk-UA`, if known. */
  locale: string | undefined;
  /** The variable `data` of templates. */
  data: Readonly<Record<string, unknown>>;
};

/** `subject` is one line. */
export type Content = { subject?: string; text: string; html?: string };

export type Templates = {
  /**
   * Prefers the tenant's own templates to the common ones; then the recipient's locale, its language, or
   * the default. All parts have the same locale, so that no message mixes languages. Throws PermanentError
   * for a missing template, a missing variable or a too large result; it names the template and quotes no
   * data. Throws a plain error if rendering takes too long.
   */
  render: (subject: Subject) => Content;
  /** Every template, once. */
  names: readonly string[];
};

/** Limit of one part, far above any readable message. */
const MAX_CHARACTERS = 100_000;
/** ms. A slower rendering is retried: it may only be slow because the machine is busy. */
const MAX_TIME = 1_000;
/** Characters and items that filters make, by LiquidJS's own count. */
const MAX_MEMORY = 10_000_000;

/** Folder for `{% layout %}` and `{% render %}`. Its files are not templates. */
const PARTIALS = "partials/";

type Parsed = { [P in Part]?: { path: string; template: Template[] } };

/**
 * Reads and parses all templates of a folder, `<template>.<locale>.<part>.liquid`, those of a tenant in
 * `tenants/<tenant>/`. Reads nothing later, so templates cannot include other files. Throws at the first
 * malformed file and names it.
 */
export function readTemplates(
  folder: string,
  defaultLocale: string,
  { maxTime = MAX_TIME }: { maxTime?: number } = {},
): Templates {
  const sources = readSources(folder);
  const engines = {
    subject: engineOf({ templates: sources, renderLimit: maxTime }),
    text: engineOf({ templates: sources, renderLimit: maxTime }),
    html: engineOf({ templates: sources, renderLimit: maxTime, outputEscape: "escape" }),
  };
  const parsed = new Map<string, Parsed>();
  const names = new Set<string>();

  for (const [path, source] of Object.entries(sources)) {
    if (path.startsWith(PARTIALS)) continue;
    const name = nameOf(path);
    if (name === undefined) throw new Error(`template ${path} is not named ${NAMING}`);
    const { tenant, template, locale, part } = name;
    const key = keyOf(tenant, template, locale);
    parsed.set(key, {
      ...parsed.get(key),
      [part]: { path, template: parse(engines[part], path, source) },
    });
    names.add(template);
  }
  for (const { subject, text, html } of parsed.values()) {
    if (text !== undefined) continue;
    throw new Error(`template ${(subject ?? html)?.path} has no text beside it`);
  }

  function find({ tenant, template, locale }: Subject): Parsed {
    for (const owner of [tenant, undefined]) {
      for (const each of localesFor(locale, defaultLocale)) {
        const found = parsed.get(keyOf(owner, template, each));
        if (found !== undefined) return found;
      }
    }
    throw new PermanentError(`there is no template ${printable(template)}`);
  }

  return {
    names: [...names],
    render(subject) {
      const found = find(subject);
      const locale = localesFor(subject.locale, defaultLocale)[0];
      const rendered: Partial<Content> = {};
      for (const part of PARTS) {
        const one = found[part];
        if (one === undefined) continue;
        const text = renderOne(engines[part], one, { data: subject.data, locale });
        rendered[part] = part === "subject" ? text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim() : text;
      }
      return rendered as Content;
    },
  };
}

function engineOf(options: LiquidOptions): Liquid {
  const engine = new Liquid({
    ...options,
    strictVariables: true,
    strictFilters: true,
    // `{% if data.tracking %}` asks whether it is there.
    lenientIf: true,
    ownPropertyOnly: true,
    cache: true,
    timezoneOffset: "UTC",
    memoryLimit: MAX_MEMORY,
  });
  engine.registerFilter("money", function (amount: number | string, currency: string) {
    return money(amount, currency, String(this.context.getSync(["locale"])));
  });
  return engine;
}

function parse(engine: Liquid, path: string, source: string): Template[] {
  try {
    const template = engine.parse(source, path);
    // Its partials too.
    engine.analyzeSync(template);
    return template;
  } catch (error) {
    throw new Error(`template ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function renderOne(
  engine: Liquid,
  { path, template }: { path: string; template: Template[] },
  scope: object,
): string {
  const started = performance.now();
  let text: string;
  try {
    text = engine.renderSync(template, scope) as string;
  } catch (error) {
    const { renderLimit } = engine.options;
    if (performance.now() - started > renderLimit) {
      throw new Error(`template ${path}: takes longer than ${renderLimit} ms`);
    }
    throw new PermanentError(`template ${path}: ${reasonOf(error)}`);
  }
  if (text.length <= MAX_CHARACTERS) return text.trim();
  throw new PermanentError(`template ${path}: makes more than ${MAX_CHARACTERS} characters`);
}

/** Other errors may quote data, so the message has only their kind and place. */
function reasonOf(error: unknown): string {
  const { originalError, token } = error as {
    originalError?: Error;
    token?: { getPosition: () => [line: number, column: number] };
  };
  if (error instanceof UndefinedVariableError) return originalError?.message ?? error.name;
  const line = token === undefined ? "" : ` in line ${token.getPosition()[0]}`;
  return `${(originalError ?? (error as Error)).name}${line}`;
}

function readSources(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  return Object.fromEntries(
    files.map((file) => [
      file.slice(folder.length + 1).replaceAll(sep, "/"),
      readFileSync(file, "utf8"),
    ]),
  );
}

function keyOf(tenant: string | undefined, template: string, locale: string): string {
  return [tenant ?? "", template, locale].join("\0");
}

/** Events name templates. Shortens such a name and keeps it on one log line. */
function printable(name: string): string {
  return name.slice(0, 64).replaceAll(/[^\w.-]/g, "?");
}
