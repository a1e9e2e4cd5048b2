/** Loaded before a process under test: plants a fault of faults.ts in it, without changing a file. */
import { registerHooks } from "node:module";
import { edited, editsHere } from "./faults.ts";

const edits = editsHere(process.env);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const some = edits.get(url);
    if (some === undefined) return loaded;
    const { source } = loaded;
    if (typeof source === "string" || source == null)
      throw new Error(`${url} is not read as bytes`);
    return { ...loaded, source: edited(Buffer.from(source as Uint8Array).toString(), some) };
  },
});
