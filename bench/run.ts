/** `npm run bench [-- ingest projector vectors ledger mail crashes embed cold]`: runs each bench in a separate process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { LOCAL_ENV } from "../infra/dynamodb/table.ts";
import { localServices } from "./services.ts";

/** Benches that need the services of `npm start`. */
const ON_SERVICES = ["ingest", "projector", "vectors", "ledger", "mail", "crashes"];
const BENCHES = [...ON_SERVICES, "embed", "cold"];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) {
  console.error(`unknown bench ${unknown.join(", ")}; choose from ${BENCHES.join(", ")}`);
  process.exit(2);
}

for (const name of asked.length > 0 ? asked : BENCHES) {
  console.log(`\n# ${name}`);
  const env = ON_SERVICES.includes(name) ? await environment() : process.env;
  const file = new URL(`${name}.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [file], { env, stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) process.exit(code ?? 1);
}

async function environment(): Promise<NodeJS.ProcessEnv> {
  const { dynamodb, redis } = await localServices();
  return {
    ...LOCAL_ENV,
    ...process.env,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    REDIS_URL: redis.url,
  };
}
