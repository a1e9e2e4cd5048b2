import { appendFileSync, readFileSync } from "node:fs";

/** What an end was handed and took, in the order in which it came. */
export type Received = {
  channel: "email" | "sms" | "telegram" | "push";
  /** Address, number, chat, or endpoint. */
  to: string;
  /** What tells one message from another: a Message-ID, or Web Push's Topic. Others have none. */
  id?: string;
  subject?: string;
  /** Readable, unless it is encrypted for a browser. */
  text?: string;
  /** ISO 8601. */
  at: string;
};

export type Book = {
  add: (one: Omit<Received, "at">) => void;
  all: () => readonly Received[];
};

/** Kept in memory, and in a file of one JSON object a line if there is one, which a later start reads. */
export function receivedBook(file?: string): Book {
  const all = file === undefined ? [] : linesOf(file);
  return {
    add(one) {
      const received = { ...one, at: new Date().toISOString() };
      all.push(received);
      // At once: what was answered must not be lost with the process.
      if (file !== undefined)
        appendFileSync(file, `${JSON.stringify(received)}\n`, { mode: 0o600 });
    },
    all: () => all,
  };
}

function linesOf(file: string): Received[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Received);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
