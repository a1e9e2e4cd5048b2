/** What is wrong with one place of a document. `path` is dotted: `data.items.0.price`. */
export type Issue = { path: string; message: string };

/** The bytes are no JSON text at all. The message quotes nothing of them. */
export class NotJsonError extends Error {
  override name = "NotJsonError";
}

/** A document that is JSON but no event. Carries every wrong field; quotes none of their values. */
export class InvalidEventError extends Error {
  override name = "InvalidEventError";
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    const listed = issues.slice(0, 5).map(({ path, message }) => `${path || "event"}: ${message}`);
    const more = issues.length > 5 ? [`and ${issues.length - 5} more`] : [];
    super([...listed, ...more].join("; "));
    this.issues = issues;
  }
}

/** Largest event on the wire, bytes; Lambda's trigger still fits 20 of them into its 6 MB. */
export const MAX_BYTES = 256 * 1024;
/** Nesting of objects and arrays; real payloads stay below 10. */
export const MAX_DEPTH = 32;
/** UTF-16 units of one string. */
export const MAX_STRING = 64 * 1024;
/** UTF-16 units of one object key. */
export const MAX_KEY = 256;
/** Values in the whole document, so that a small body cannot become a large heap. */
export const MAX_VALUES = 10_000;
/** More issues than anybody reads are not collected. */
export const MAX_ISSUES = 50;

// The decoder strips a byte order mark, as RFC 8259 §8.1 allows.
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Bytes to document: strict UTF-8 JSON. The last of repeated keys counts, as in every other place that
 * reads the same bytes. Throws NotJsonError, and InvalidEventError for more than MAX_BYTES.
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength > MAX_BYTES) {
    throw new InvalidEventError([issueAt([], `is larger than ${MAX_BYTES} bytes`)]);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new NotJsonError("the body is not valid UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NotJsonError("the body is not valid JSON");
  }
}

/**
 * What in a document could not be stored or passed on unchanged: nesting, sizes, numbers that a double
 * cannot hold, halves of surrogate pairs, `__proto__`. Nothing else may read such a document.
 */
export function checkBounds(document: unknown): Issue[] {
  const issues: Issue[] = [];
  const path: (string | number)[] = [];
  let values = 0;

  const report = (message: string) => {
    if (issues.length < MAX_ISSUES) issues.push(issueAt(path, message));
  };

  const visit = (value: unknown): void => {
    values += 1;
    if (typeof value === "string") {
      if (value.length > MAX_STRING) report(`is longer than ${MAX_STRING} characters`);
      if (!value.isWellFormed()) report("holds half of a surrogate pair");
    } else if (typeof value === "number") {
      // 1e999 is read as Infinity and 9007199254740993 as its neighbour: both would change silently.
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        report("is a number too large to be exact; send it as a string");
      }
    } else if (typeof value === "object" && value !== null) {
      // Also keeps the recursion of everything that reads the document later within bounds.
      if (path.length >= MAX_DEPTH) return report(`is nested deeper than ${MAX_DEPTH} levels`);
      if (values > MAX_VALUES) return;
      if (Array.isArray(value)) visitItems(value);
      else visitFields(value as Record<string, unknown>);
    }
  };

  const visitItems = (items: unknown[]): void => {
    for (let i = 0; i < items.length; i += 1) {
      path.push(i);
      visit(items[i]);
      path.pop();
    }
  };

  const visitFields = (fields: Record<string, unknown>): void => {
    for (const key of Object.keys(fields)) {
      path.push(key);
      if (key === "__proto__") report("is a key that cannot be kept");
      if (key.length > MAX_KEY) report(`is a key longer than ${MAX_KEY} characters`);
      if (!key.isWellFormed()) report("is a key that holds half of a surrogate pair");
      visit(fields[key]);
      path.pop();
    }
  };

  visit(document);
  if (values > MAX_VALUES) report(`the document holds more than ${MAX_VALUES} values`);
  return issues;
}

/** An issue whose text stays short whatever the sender called its fields. */
export function issueAt(path: readonly PropertyKey[], message: string): Issue {
  const dotted = path.map((key) => shorten(String(key), 64)).join(".");
  return { path: shorten(dotted, 200), message: shorten(message, 200) };
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/**
 * One text for one JSON value, whatever the order of its keys and the form of its numbers: the
 * canonicalization of RFC 8785. The value must be within bounds.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;

  const fields = value as Record<string, unknown>;
  let text = "";
  for (const key of Object.keys(fields).toSorted()) {
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(fields[key])}`;
  }
  return `{${text}}`;
}
