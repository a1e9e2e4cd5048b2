import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { hasEngine, inCompose, isContained } from "./compose.ts";
import { readJson, writeSecret } from "./files.ts";
import type { Address, Found, Place, Runner, Service } from "./service.ts";
import { exists } from "./tools.ts";

export const ROOT = join(import.meta.dirname, "../..");
/** The instance of `npm start`. The tests use an instance in a subfolder; the two are independent. */
export const DEV = join(ROOT, ".warren");
export const TEST = join(DEV, "test");

/** How long a living process may stay silent before it is restarted. */
const SILENCE_MS = 15_000;

/**
 * Starts the services that do not run, and restarts those that are dead or silent. If `env` has a service's
 * address, it is the user's own and only recorded. Otherwise it runs as a container if a Docker engine
 * answers, else as processes of this machine. Call this while you hold the instance's lock.
 */
export async function startService(
  directory: string,
  service: Service,
  env: NodeJS.ProcessEnv,
  report: (text: string) => void = () => {},
): Promise<Address> {
  const place = placeOf(directory, service, report);
  const given = service.given(env);
  if (given !== undefined) {
    await stopService(directory, service);
    await writeSecret(givenFile(place), JSON.stringify(given));
    if (await answersWithin(service, given, SILENCE_MS)) return given;
    throw new Error(`${service.title} does not answer at the address in the environment`);
  }
  await rm(givenFile(place), { force: true });

  const runner = await runnerOf(place, service);
  const found = await runner.find(place);
  if (
    found?.alive &&
    !found.outdated &&
    (await answersWithin(service, found.address, SILENCE_MS))
  ) {
    return found.address;
  }
  await runner.stop(place);
  return runner.start(place);
}

/** Stops the service if Warren started it. Ports, password and data stay for the next start. */
export async function stopService(directory: string, service: Service): Promise<void> {
  const place = placeOf(directory, service);
  await rm(givenFile(place), { force: true });
  if (await exists(place.folder)) await (await runnerOf(place, service)).stop(place);
}

/** Sends a signal to the service: SIGKILL for a crash, SIGSTOP and SIGCONT for a freeze. */
export async function signalService(
  directory: string,
  service: Service,
  signal: NodeJS.Signals,
): Promise<void> {
  const place = placeOf(directory, service);
  await (await runnerOf(place, service)).signal(place, signal);
}

/** Undefined if the service was not started, or was stopped since. */
export async function findService(directory: string, service: Service): Promise<Found | undefined> {
  const place = placeOf(directory, service);
  const given = await readJson(givenFile(place));
  if (given !== undefined) return { address: address.parse(given), alive: true };
  if (!(await exists(place.folder))) return undefined;
  return (await runnerOf(place, service)).find(place);
}

/** The service's address: the user's own, or the one that was started here. */
export async function addressOf(
  directory: string,
  service: Service,
  env: NodeJS.ProcessEnv,
): Promise<Address | undefined> {
  return service.given(env) ?? (await findService(directory, service))?.address;
}

/** The variables that functions and tools read: the address, and the names that a caller may choose. */
export function environmentOf(
  { defaults = {} }: Service,
  at: Address,
  env: NodeJS.ProcessEnv,
): Address {
  const chosen = Object.entries(defaults).map(([name, value]) => [name, env[name] || value]);
  return { ...(Object.fromEntries(chosen) as Address), ...at };
}

const address = z.record(z.string(), z.string());

async function answersWithin(service: Service, at: Address, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!(await service.answers(at))) {
    if (performance.now() > deadline) return false;
    await sleep(200);
  }
  return true;
}

function placeOf(
  directory: string,
  { name }: Service,
  report: (text: string) => void = () => {},
): Place {
  return { folder: join(directory, name), cache: join(DEV, "jars"), report };
}

function givenFile({ folder }: Place): string {
  return join(folder, "given.json");
}

/** Chosen once per instance: a Docker engine that appears later must not hide running processes. */
async function runnerOf(place: Place, service: Service): Promise<Runner> {
  const { name, container, native } = service;
  if (container === undefined) return native;
  if (await isContained(place)) return inCompose(name, container);
  const isSettled = await exists(join(place.folder, "settings.json"));
  return !isSettled && (await hasEngine()) ? inCompose(name, container) : native;
}
