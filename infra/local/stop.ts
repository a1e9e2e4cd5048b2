import { stopHost } from "./host.ts";
import { DEV, stopService } from "../service/instance.ts";
import { services } from "./services.ts";
import { locked } from "../service/lock.ts";
import { refuseBesideOffline } from "./offline-process.ts";

/** `warren stop`: functions first, so that they finish what they hold; then the services. */
export async function command(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.error("Usage: warren stop");
    return 2;
  }
  return stop();
}

/** Returns the exit code. */
export async function stop(): Promise<number> {
  if (await refuseBesideOffline()) return 1;
  await locked(DEV, async () => {
    await stopHost(DEV);
    await Promise.all(Object.values(services).map((service) => stopService(DEV, service)));
  });
  console.log(
    "Stopped. Data and passwords stay in .warren/ (DynamoDB Local was in memory: ledger, directory and opt-outs are gone).",
  );
  return 0;
}
