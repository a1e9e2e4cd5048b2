import { parserOf } from "../../events/catalogue.ts";
import type { Directory } from "../../kit/people/directory.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { accepts, type ContactEvent } from "./accepts.ts";
import { changeOf } from "./change.ts";

export { accepts };

export const name = "contacts";

/** Keeps the directory: the same documents in whatever order, number and grouping the events come. */
export function contacts(directory: Directory): Consumer {
  return {
    name,
    repeatable: true,
    concurrency: 8,
    parse: parserOf(accepts),
    async apply(received: readonly Received<ContactEvent>[], signal) {
      const changes = received.map((each) => changeOf(each.event));
      const leftOut = new Set(await directory.merge(changes, signal));
      return received
        .filter((_, index) => leftOut.has(changes[index]!))
        .map((each) => ({ received: each, error: new PermanentError(TOO_LARGE) }));
    },
    probe: (signal) => directory.probe(signal),
  };
}

const TOO_LARGE = "the directory's document would become larger than the directory can hold";
