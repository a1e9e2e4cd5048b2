import { appendFileSync, readFileSync } from "node:fs";

/** The messages that a test provider accepted, in order of arrival. */
export type Received = {
  channel: "email" | "sms" | "telegram" | "push";
  /** Address, number, chat, or endpoint. */
  to: string;
  /** Identifies a message: a Message-ID, or Web Push's Topic. Other channels have none. */
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

/** Kept in memory and, if a file is given, there too: one JSON object a line. A later start reads it. */
export function receivedBook(file?: string): Book {
  const all = file === undefined ? [] : linesOf(file);
  return {
    add(one) {
      const received = { ...one, at: new Date().toISOString() };
      all.push(received);
      // Synchronously: an accepted message must survive a crash of the process.
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
