import {
  environmentOf,
  services,
  startService,
  stopService,
  TEST,
} from "../../infra/local/instance.ts";
import { prepare } from "../../infra/local/prepare.ts";

/** Short, so that a test can see a message go through every tier. ms */
export const RETRY_DELAYS = [200, 1_000, 3_000];

/**
 * Starts the services of the tests under `.warren/test`, which `npm start` and `npm stop` do not
 * touch. Their addresses are in the environment of every test. Returns the teardown.
 */
export async function setup(): Promise<() => Promise<void>> {
  // The tests stop and break what they use: never somebody's own services.
  const addresses = await Promise.all(services.map((service) => startService(TEST, service, {})));
  const environment = environmentOf(addresses, {});
  await prepare(environment, { retryDelays: RETRY_DELAYS });
  Object.assign(process.env, environment, {
    RETRY_DELAYS: RETRY_DELAYS.map((ms) => `${ms}ms`).join(","),
  });
  return async () => {
    await Promise.all(services.map((service) => stopService(TEST, service)));
  };
}
