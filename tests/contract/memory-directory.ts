import {
  type Directory,
  type Document,
  type LeftOut,
  merged,
  textOf,
} from "../../kit/people/directory.ts";

/** The directory of unit tests: every call takes effect at once, in one step. */
export function memoryDirectory(documents: Map<string, Document> = new Map()): Directory {
  return {
    read: async (keys) => keys.map((key) => documents.get(textOf(key))),

    async merge(changes) {
      const leftOut: LeftOut[] = [];
      for (const [name, some] of Map.groupBy(changes, ({ key }) => textOf(key))) {
        const result = merged(documents.get(name), some);
        leftOut.push(...result.leftOut);
        if (result.next !== undefined) documents.set(name, result.next.document);
      }
      return leftOut;
    },

    probe: async () => {},
  };
}
