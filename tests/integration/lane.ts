import { join } from "node:path";
import { readJson } from "../../infra/service/files.ts";
import { TEST } from "../../infra/service/instance.ts";
import type { Address } from "../../infra/service/service.ts";

const worker = process.env["VITEST_POOL_ID"]!;
// What starts services takes a second to import, and only a worker's first file needs it.
const known = await readJson(join(TEST, worker, "environment.json"));

/** What this worker's files run on, as the functions read it; also in process.env. */
export const environment = (known ??
  (await (await import("./services.ts")).startAll(Number(worker)))) as Address;

Object.assign(process.env, environment);
