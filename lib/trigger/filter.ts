/** Lambda refuses the filter pattern, or Warren does not support it. The message names the place. */
export class FilterError extends Error {
  override name = "FilterError";
}

/** Whether a message's body satisfies at least one pattern. */
export type Filter = (body: Uint8Array) => boolean;

/** AWS's maximum. The default quota is five; AWS raises it on request. */
const MAX_PATTERNS = 10;

/**
 * Compiles the filter criteria of an event source mapping for Amazon MQ: patterns on the key `data`, with every
 * operator that Lambda's documentation lists ("Filter rule syntax"). Compares numbers by value, as AWS's
 * published engine (event-ruler) does. Throws FilterError.
 */
export function filterOf(patterns: readonly unknown[]): Filter {
  if (patterns.length < 1 || patterns.length > MAX_PATTERNS) {
    throw new FilterError(`there are 1 to ${MAX_PATTERNS} patterns, not ${patterns.length}`);
  }
  const compiled = patterns.map((pattern, index) => patternOf(pattern, `${index}`));
  return (body) => {
    const message = read(body);
    return compiled.some((one) => matches(one, message));
  };
}

/** `body` is the whole message: a rule may ask whether a field is absent everywhere. */
type Match = (value: unknown, body: unknown) => boolean;
type Pattern = { of: "json" | "text"; match: Match };
type Message = { of: "json" | "text"; value: unknown } | undefined;

/**
 * AWS, "Properly filtering Amazon MQ messages": a body in another format than the pattern is not filtered
 * and reaches the function. So does a body that is not UTF-8.
 */
function matches(pattern: Pattern, message: Message): boolean {
  return message?.of !== pattern.of || pattern.match(message.value, message.value);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function read(body: Uint8Array): Message {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { of: "json", value };
  } catch {
    // A plain string.
  }
  return { of: "text", value: text };
}

function patternOf(pattern: unknown, place: string): Pattern {
  if (!isObject(pattern)) throw new FilterError(`${place}: a pattern is an object`);
  const { data, ...others } = pattern;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new FilterError(`${place}.${other}: Amazon MQ mappings filter on the key data only`);
  }
  const at = `${place}.data`;
  if (Array.isArray(data)) return { of: "text", match: leaf(data, [], at) };
  if (isObject(data)) return { of: "json", match: branch(data, [], at) };
  throw new FilterError(`${at}: is an object, or an array of rules for plain strings`);
}

type Path = readonly string[];

function branch(pattern: Record<string, unknown>, path: Path, place: string): Match {
  const keys = Object.entries(pattern);
  if (keys.length === 0) throw new FilterError(`${place}: names no field`);
  const all = keys.map(([key, inner]) => field(key, inner, path, `${place}.${key}`));
  const match: Match = (value, body) =>
    // All fields must match in the same element of an array.
    Array.isArray(value) && value.length > 0
      ? value.some((element) => match(element, body))
      : all.every((one) => one(value, body));
  return match;
}

function field(key: string, inner: unknown, above: Path, place: string): Match {
  if (key === "$or") return anyOf(inner, above, place);
  const path = [...above, key];
  const isRules = Array.isArray(inner);
  if (!isRules && !isObject(inner)) {
    throw new FilterError(`${place}: is an array of rules, or an object`);
  }
  const match = isRules ? leaf(inner, path, place) : branch(inner, path, place);
  return (value, body) => match(own(value, key), body);
}

function anyOf(patterns: unknown, path: Path, place: string): Match {
  if (!Array.isArray(patterns) || patterns.length < 2 || !patterns.every(isObject)) {
    throw new FilterError(`${place}: is an array of two patterns or more`);
  }
  const any = patterns.map((pattern, index) => branch(pattern, path, `${place}.${index}`));
  return (value, body) => any.some((one) => one(value, body));
}

type Rule = { ifAbsent: boolean; test: (value: unknown) => boolean };

/** True if one of the rules matches one of the field's values. Objects are not values. */
function leaf(rules: readonly unknown[], path: Path, place: string): Match {
  if (rules.length === 0) throw new FilterError(`${place}: has no rule`);
  const compiled = rules.map((rule, index) => ruleOf(rule, `${place}.${index}`));
  const ifAbsent = compiled.some((rule) => rule.ifAbsent);
  return (value, body) =>
    valuesOf(value).some((one) => compiled.some(({ test }) => test(one))) ||
    (ifAbsent && !has(body, path));
}

/** Whether the path leads to a value, through any element of its arrays. */
function has(value: unknown, path: Path): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return valuesOf(value).length > 0;
  if (Array.isArray(value)) return value.some((element) => has(element, path));
  return has(own(value, key), rest);
}

function valuesOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(valuesOf);
  return value === undefined || isObject(value) ? [] : [value];
}

function ruleOf(rule: unknown, place: string): Rule {
  if (isScalar(rule)) return present((value) => value === rule);
  const [operator, ...more] = isObject(rule) ? Object.keys(rule) : [];
  if (operator === undefined || more.length > 0) {
    throw new FilterError(`${place}: is a value, or an object with one operator`);
  }
  const wanted = (rule as Record<string, unknown>)[operator];
  const at = `${place}.${operator}`;
  switch (operator) {
    case "exists":
      if (typeof wanted !== "boolean") throw new FilterError(`${at}: is true or false`);
      return { ifAbsent: !wanted, test: () => wanted };
    case "prefix":
      return onText(wanted, at, (value, text) => value.startsWith(text));
    case "suffix":
      return onText(wanted, at, (value, text) => value.endsWith(text));
    case "equals-ignore-case":
      return onText(wanted, at, (value, text) => value.toLowerCase() === text.toLowerCase());
    case "anything-but":
      return anythingBut(wanted, at);
    case "numeric":
      return numeric(wanted, at);
    default:
      throw new FilterError(`${at}: Lambda's event filtering has no such operator`);
  }
}

const present = (test: Rule["test"]): Rule => ({ ifAbsent: false, test });

function onText(
  wanted: unknown,
  place: string,
  test: (value: string, text: string) => boolean,
): Rule {
  if (typeof wanted !== "string") throw new FilterError(`${place}: is a string`);
  return present((value) => typeof value === "string" && test(value, wanted));
}

function anythingBut(wanted: unknown, place: string): Rule {
  const refused: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  const [first] = refused;
  const isOneKind =
    (typeof first === "string" || typeof first === "number") &&
    refused.every((one) => typeof one === typeof first);
  if (!isOneKind) throw new FilterError(`${place}: is a string, a number, or a list of one kind`);
  return present((value) => !refused.includes(value));
}

const COMPARISONS: Record<string, (value: number, bound: number) => boolean> = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

/** `["=", 5]`, `[">", 0]`, or a range: `[">", 0, "<=", 5]`. */
function numeric(wanted: unknown, place: string): Rule {
  const list: unknown[] = Array.isArray(wanted) ? wanted : [];
  const [first, low, second, high] = list;
  const isOne = list.length === 2 && isComparison(first) && typeof low === "number";
  const isRange =
    list.length === 4 &&
    (first === ">" || first === ">=") &&
    (second === "<" || second === "<=") &&
    typeof low === "number" &&
    typeof high === "number" &&
    low < high;
  if (!isOne && !isRange) {
    throw new FilterError(`${place}: is such as ["=", 5], [">", 0] or [">", 0, "<=", 5]`);
  }
  const bounds: [unknown, unknown][] = [[first, low]];
  if (isRange) bounds.push([second, high]);
  const tests = bounds.map(([operator, bound]) => {
    const compare = COMPARISONS[operator as string]!;
    return (value: number) => compare(value, bound as number);
  });
  return present((value) => typeof value === "number" && tests.every((test) => test(value)));
}

function isComparison(operator: unknown): boolean {
  return typeof operator === "string" && Object.hasOwn(COMPARISONS, operator);
}

function own(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
