import { parserOf } from "../../events/catalogue.ts";
import type { Directory } from "../../kit/people/directory.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { IdReusedError, PermanentError } from "../../lib/pipeline/errors.ts";
import { accepts, type ContactEvent } from "./accepts.ts";
import { changeOf } from "./change.ts";

export { accepts };

export const name = "contacts";

/** Keeps the directory. Any order, number and grouping of events gives the same documents. */
export function contacts(directory: Directory): Consumer {
  return {
    name,
    repeatable: true,
    concurrency: 8,
    parse: parserOf(accepts),
    async apply(received: readonly Received<ContactEvent>[], signal) {
      const byChange = new Map(received.map((each) => [changeOf(each), each]));
      const leftOut = await directory.merge([...byChange.keys()], signal);
      return leftOut.map(({ change, why }) => ({
        received: byChange.get(change)!,
        error: why === "id reused" ? new IdReusedError(REUSED) : new PermanentError(TOO_LARGE),
      }));
    },
    probe: (signal) => directory.probe(signal),
  };
}

const REUSED = "the directory holds another event under this id";
const TOO_LARGE = "the directory's document would become larger than the directory can hold";
