/** The parts of a message: a subject line (or title), a text, and optionally the same text as HTML. */
export const PARTS = ["subject", "text", "html"] as const;
export type Part = (typeof PARTS)[number];

type TemplateName = {
  /** The tenant that owns the template; undefined for common ones. */
  tenant: string | undefined;
  template: string;
  locale: string;
  part: Part;
};

/** The naming rule for template files, for messages. */
export const NAMING = "<template>.<locale>.<subject|text|html>.liquid, or so in tenants/<tenant>/";

const NAME =
  /^(?:tenants\/(?<tenant>[A-Za-z0-9._-]{1,64})\/)?(?<template>[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)\.(?<locale>[a-z]{2,3}(?:-[A-Z]{2})?)\.(?<part>subject|text|html)\.liquid$/;

/** Reads a path within the templates' folder; undefined if it names no template. */
export function nameOf(path: string): TemplateName | undefined {
  const { tenant, template, locale, part } = NAME.exec(path)?.groups ?? {};
  if (template === undefined || locale === undefined) return undefined;
  return { tenant, template, locale, part: part as Part };
}

/** The locales to look for, best first: `uk-UA` is itself, then `uk`, then the default. */
export function localesFor(locale: string | undefined, defaultLocale: string): string[] {
  const { language, region } = localeOf(locale) ?? {};
  const own = language === undefined ? [] : [language];
  if (region !== undefined) own.unshift(`${language}-${region}`);
  return [...own, defaultLocale];
}

/** Normalises a locale such as `UK-ua`; undefined if it is invalid. */
function localeOf(text: string | undefined): Intl.Locale | undefined {
  try {
    return text === undefined ? undefined : new Intl.Locale(text.replaceAll("_", "-"));
  } catch {
    return undefined;
  }
}
