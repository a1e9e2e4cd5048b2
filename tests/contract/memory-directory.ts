import {
  type Directory,
  type Document,
  MAX_DOCUMENT_BYTES,
  merged,
  textOf,
} from "../../kit/people/directory.ts";

/** The directory of unit tests: every call takes effect at once, in one step. */
export function memoryDirectory(documents: Map<string, Document> = new Map()): Directory {
  return {
    read: async (keys) => keys.map((key) => documents.get(textOf(key))),

    async merge(changes) {
      const tooLarge = [];
      for (const [name, some] of Map.groupBy(changes, ({ key }) => textOf(key))) {
        const fields = some.map((change) => change.fields);
        const next = merged(documents.get(name), fields);
        if (next === undefined) continue;
        if (Buffer.byteLength(JSON.stringify(next)) > MAX_DOCUMENT_BYTES) tooLarge.push(...some);
        else documents.set(name, next);
      }
      return tooLarge;
    },

    probe: async () => {},
  };
}
