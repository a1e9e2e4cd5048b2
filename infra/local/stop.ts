import type { Command } from "commander";
import { exit } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { stopHost } from "./host.ts";
import { DEV, stopService } from "../service/instance.ts";
import { services } from "./services.ts";
import { locked } from "../service/lock.ts";
import { refuseBesideOffline } from "./offline-process.ts";

/** `warren stop`: stops the functions first, so that they finish their batches; then all services. */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren stop")).action(async () => exit(await stop()));
}

/** Returns the exit code. */
export async function stop(): Promise<number> {
  if (await refuseBesideOffline()) return 1;
  await locked(DEV, async () => {
    await stopHost(DEV);
    await Promise.all(Object.values(services).map((service) => stopService(DEV, service)));
  });
  console.log(
    "Stopped. Data and passwords stay in .warren/. DynamoDB Local was in memory: ledger, directory and opt-outs are gone.",
  );
  return 0;
}
