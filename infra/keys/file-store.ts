import * as z from "zod";
import { readJson, writeSecret } from "../service/files.ts";
import { locked } from "../service/lock.ts";
import { byAge, type KeyEntry, type KeyStore } from "./key-store.ts";

const keysFile = z.object({
  keys: z.array(z.looseObject({ sha256: z.string(), tenant: z.string(), created_at: z.string() })),
});

/** `{ "keys": [{ "sha256", "tenant", "created_at" }] }`, readable by its owner only. ingest sees a change within a second. */
export function fileStore(file: string): KeyStore {
  const change = (edit: (keys: KeyEntry[]) => KeyEntry[]) =>
    locked(file, async () => {
      const keys = edit(await read(file));
      await writeSecret(file, `${JSON.stringify({ keys }, null, 2)}\n`);
    });
  return {
    where: file,
    add: (entry) => change((keys) => [...keys, entry]),
    list: async () => byAge(await read(file)),
    remove: (sha256) => change((keys) => keys.filter((one) => one.sha256 !== sha256)),
  };
}

async function read(file: string): Promise<KeyEntry[]> {
  // Drops the parser's message: it would quote the file.
  const found = await readJson(file).catch((error: unknown) => {
    if (error instanceof SyntaxError) return null;
    throw error;
  });
  const { data } = keysFile.safeParse(found === undefined ? { keys: [] } : found);
  if (data === undefined) throw new Error(`${file} is not a key file: it must be {"keys":[…]}`);
  return data.keys;
}
