import { isDeepStrictEqual } from "node:util";
import type { JsonSchema } from "./input-schema.ts";

/** `path` below `data`, such as `items.*.quantity`. */
type Break = { path: string; message: string };

/**
 * How `to` breaks the promise that `from` made to producers: values that they may send and `to`
 * refuses, and fields that they may name and `to` does not know. A new optional field breaks nothing,
 * although a producer may have sent something else under its name. Without breaks in both directions
 * the schemas are the same.
 */
export function breaks(from: JsonSchema, to: JsonSchema, path = ""): Break[] {
  const [wanted, offered] = [alternatives(from), alternatives(to)];
  return wanted.flatMap((each) => {
    const found = offered.map((other) => plainBreaks(each, other, path));
    if (found.some((list) => list.length === 0)) return [];
    // Of several refusals, the one of the same type explains why.
    const same = found.filter((_, i) => offered[i]!["type"] === each["type"]);
    const [only] = same.length === 1 ? same : found;
    if (same.length === 1 || found.length === 1) return only!;
    return [{ path, message: `no longer accepts ${nameOf(each)}` }];
  });
}

function plainBreaks(from: JsonSchema, to: JsonSchema, path: string): Break[] {
  const narrowed = to["type"] !== undefined && !takes(to["type"], from["type"]);
  if (narrowed) return [{ path, message: `was ${nameOf(from)}, is ${nameOf(to)}` }];
  return [...valueBreaks(from, to), ...boundBreaks(from, to), ...otherBreaks(from, to)]
    .map((message) => ({ path, message }))
    .concat(fieldBreaks(from, to, path), partBreaks(from, to, path));
}

/** A whole number is a number. */
function takes(to: unknown, from: unknown): boolean {
  return to === from || (to === "number" && from === "integer");
}

function valueBreaks(from: JsonSchema, to: JsonSchema): string[] {
  const [were, are] = [valuesOf(from), valuesOf(to)];
  if (are === undefined) return [];
  if (were === undefined) return [`accepts only ${textOf(are)}`];
  const gone = were.filter((value) => !are.some((other) => isDeepStrictEqual(value, other)));
  return gone.length === 0 ? [] : [`no longer accepts ${textOf(gone)}`];
}

const LOWEST = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
const HIGHEST = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];

function boundBreaks(from: JsonSchema, to: JsonSchema): string[] {
  const narrower = (keyword: string, isNarrower: (was: number, is: number) => boolean) => {
    const [was, is] = [from[keyword], to[keyword]] as (number | undefined)[];
    if (is === undefined || (was !== undefined && !isNarrower(was, is))) return [];
    return [`has ${keyword} ${is}, not ${was ?? "any"}`];
  };
  return [
    ...LOWEST.flatMap((keyword) => narrower(keyword, (was, is) => is > was)),
    ...HIGHEST.flatMap((keyword) => narrower(keyword, (was, is) => is < was)),
  ];
}

function fieldBreaks(from: JsonSchema, to: JsonSchema, path: string): Break[] {
  const [were, are] = [propertiesOf(from), propertiesOf(to)];
  const [had, has] = [requiredOf(from), requiredOf(to)];
  const at = (name: string) => [path, name].filter(Boolean).join(".");
  return [
    ...Object.entries(were).flatMap(([name, field]) => {
      const now = are[name];
      return now === undefined
        ? [{ path: at(name), message: "was removed" }]
        : breaks(field, now, at(name));
    }),
    ...has
      .filter((name) => !had.includes(name))
      .map((name) => ({ path: at(name), message: "is now required" })),
  ];
}

/** Schemas of the items of a list, of further fields, and of the names of fields. */
function partBreaks(from: JsonSchema, to: JsonSchema, path: string): Break[] {
  const below = [path, "*"].filter(Boolean).join(".");
  return ["items", "additionalProperties", "propertyNames"].flatMap((keyword) => {
    const [was, is] = [from[keyword], to[keyword]] as (JsonSchema | false | undefined)[];
    if (was === false || (was === undefined && is === undefined)) return [];
    if (is === false)
      return [{ path: below, message: "is refused: unknown fields are no longer accepted" }];
    return breaks(was ?? {}, is ?? {}, below);
  });
}

const UNDERSTOOD = new Set([
  ...LOWEST,
  ...HIGHEST,
  ..."type anyOf const enum properties required items additionalProperties propertyNames".split(
    " ",
  ),
]);

/**
 * Keywords that cannot be compared by size, such as `pattern`. Removing one accepts more; another one
 * may refuse what was accepted. A default gives a missing field its meaning, so losing it is a break.
 */
function otherBreaks(from: JsonSchema, to: JsonSchema): string[] {
  const keywords = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keywords
    .filter((keyword) => !UNDERSTOOD.has(keyword) && !isDeepStrictEqual(from[keyword], to[keyword]))
    .filter((keyword) => to[keyword] !== undefined || keyword === "default")
    .map((keyword) => `has another ${keyword}`);
}

/** The alternatives of a schema, each of one type; flattens nested ones. */
function alternatives(schema: JsonSchema): JsonSchema[] {
  const { anyOf, type, ...common } = schema as {
    anyOf?: readonly JsonSchema[];
    type?: string | readonly string[];
  };
  if (anyOf !== undefined) return anyOf.flatMap((each) => alternatives({ ...each, ...common }));
  return Array.isArray(type) ? type.map((one: string) => ({ ...common, type: one })) : [schema];
}

function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  return "const" in schema ? [schema["const"]] : (schema["enum"] as readonly unknown[] | undefined);
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schema["properties"] ?? {}) as Record<string, JsonSchema>;
}

function requiredOf(schema: JsonSchema): readonly string[] {
  return (schema["required"] ?? []) as string[];
}

function nameOf({ type = "anything" }: JsonSchema): string {
  return String(type);
}

function textOf(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(", ");
}
