import { startAll } from "./services.ts";

/** What this worker's files run on, as the functions read it; also in process.env. */
export const environment = await startAll(Number(process.env["VITEST_POOL_ID"]));

Object.assign(process.env, environment);
