import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { readConfig } from "../../lib/config.ts";
import { qdrantVariables } from "../../kit/qdrant/config.ts";
import { applyCollections } from "./collections.ts";
import { declaredCollections } from "./declared.ts";
import { readVectors } from "./read-vectors.ts";
import { locked } from "../service/lock.ts";
import { natively, type Process } from "../service/native.ts";
import { type Address, type Place, type Service, withoutLogin } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";
import { exists, type Program, requirePrograms, run } from "../service/tools.ts";

/** Qdrant's engine as a Python package, in the version of the image in docker-compose.yml. */
const PACKAGES = ["qdrant-edge-py==0.9.0", "orjson==3.13.0"];
/** A virtual environment needs both. Debian packages them separately from Python. */
const PYTHON: Program = {
  command: "python3",
  args: ["-c", "import ensurepip, venv"],
  debian: "python3-venv",
};
const SERVER = join(import.meta.dirname, "edge-server.py");
const INSTALL_MS = 300_000;

const server: Process<"http"> = {
  name: "server",
  launch: ({ cache, folder }, { ports, password }) => ({
    command: join(venvFolder(cache), "bin", "python"),
    // Without the caller's Python settings.
    args: ["-I", SERVER, "--port", String(ports.http), "--storage", join(folder, "data")],
    // Not as an argument: every user of the machine can read arguments.
    env: { ...process.env, QDRANT__SERVICE__API_KEY: password },
  }),
  answers: (settings) => answers(addressOf(settings)),
  startMs: 30_000,
  graceMs: 15_000,
};

/** Qdrant: the official image, or without Docker its engine behind edge-server.py. */
export const qdrant: Service<{ url: string; apiKey?: string }> = {
  name: "qdrant",
  title: "Qdrant",
  provides: Object.keys(qdrantVariables),
  given,
  answers,
  async prepare(environment) {
    // The caller may choose the embedding model.
    const { server: at, place } = readVectors(environment);
    await applyCollections(at, place, await declaredCollections());
  },
  describe: ({ QDRANT_URL: url = "", QDRANT_API_KEY: apiKey }) => ({
    url,
    ...(apiKey !== undefined && { apiKey }),
  }),
  row: ({ url }) => [withoutLogin(url)],
  native: natively({
    title: "Qdrant's engine",
    ports: ["http"],
    prepare: configure,
    processes: [server],
    addressOf,
  }),
  container: {
    ports: ["QDRANT_PORT"],
    password: "QDRANT_API_KEY",
    addressOf: ({ QDRANT_PORT }, password) =>
      addressOf({ ports: { http: QDRANT_PORT! }, password }),
  },
};

function given(env: NodeJS.ProcessEnv): Address | undefined {
  if (!env["QDRANT_URL"]) return undefined;
  const { QDRANT_URL, QDRANT_API_KEY } = readConfig(z.object(qdrantVariables), env);
  return { QDRANT_URL, ...(QDRANT_API_KEY !== undefined && { QDRANT_API_KEY }) };
}

async function configure(place: Place): Promise<void> {
  await mkdir(join(place.folder, "data"), { recursive: true, mode: 0o700 });
  const venv = venvFolder(place.cache);
  if (await exists(venv)) return;
  await requirePrograms([PYTHON], { title: "Qdrant", report: place.report });
  await locked(venv, async () => {
    if (await exists(venv)) return;
    place.report("fetches the engine with pip");
    await install(place.cache, venv);
  });
}

/** One environment for all instances. A Python environment may be moved if nobody calls its scripts. */
async function install(cache: string, venv: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, "installing-"));
  try {
    await run("python3", ["-m", "venv", draft], { timeoutMs: INSTALL_MS });
    const pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"];
    await run(join(draft, "bin", "python"), [...pip, ...PACKAGES], { timeoutMs: INSTALL_MS });
    await rename(draft, venv);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function venvFolder(cache: string): string {
  return join(cache, PACKAGES.join("+").replaceAll("==", "-"));
}

/** This path checks the key; `/healthz` does not. */
async function answers({ QDRANT_URL: url = "", QDRANT_API_KEY: key }: Address): Promise<boolean> {
  const headers = key === undefined ? {} : { "api-key": key };
  const signal = AbortSignal.timeout(3_000);
  const answer = await fetch(new URL("/collections", url), { headers, signal }).catch(
    () => undefined,
  );
  await answer?.body?.cancel();
  return answer?.status === 200;
}

function addressOf({ ports, password }: Settings<"http">): Address {
  return { QDRANT_URL: `http://127.0.0.1:${ports.http}`, QDRANT_API_KEY: password };
}
