import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Promises } from "./promises.ts";

/** Every promise that was ever made. It only grows. */
const FILE = join(import.meta.dirname, "../../events/released.json");

export async function readReleased(): Promise<Promises> {
  return JSON.parse(await readFile(FILE, "utf8")) as Promises;
}

export async function writeReleased(released: Promises): Promise<void> {
  await writeFile(FILE, `${JSON.stringify(released, null, 2)}\n`);
}
