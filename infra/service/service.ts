import type { Env } from "../../lib/config-aliases.ts";

/** What functions know a service by: variables of the environment. */
export type Address = Record<string, string>;

/** Where a service lives while we run it. */
export type Place = {
  /** Configuration, data, log, process: everything of this service in this instance. */
  folder: string;
  /** Downloads that instances share. */
  cache: string;
  /** Says what takes its time. */
  report: (text: string) => void;
};

/** A way to run a service: natively, or as a container. */
export type Runner = {
  /** On its old ports and data if it ran here before; resolves with its address when it answers. */
  start(place: Place): Promise<Address>;
  /** Ends what is left of it; its ports, data and password stay. */
  stop(place: Place): Promise<void>;
  /** Sends a signal, as a crash or a freeze does it: for tests. */
  signal(place: Place, name: NodeJS.Signals): Promise<void>;
  /** Undefined unless it was started and not stopped since. */
  find(place: Place): Promise<Found | undefined>;
};

export type Found = {
  address: Address;
  alive: boolean;
  /** Started in another way than it would be now, such as in another version: the next start replaces it. */
  outdated?: boolean;
};

/** What a service is prepared for, beyond its environment. */
export type Needs = {
  /** ms */
  retryDelays: readonly number[];
};

/**
 * A product that functions need. A new one is a folder in infra/ and an entry in
 * infra/local/services.ts. `Facts` is what `status --json` says of it.
 */
export type Service<Facts extends object = object> = {
  /** Its folder, and its name in docker-compose.yml. */
  name: string;
  title: string;
  /** The variables that it gives to functions. A function that reads one of them needs this service. */
  provides: readonly string[];
  /** What it provides besides its address, such as names of tables; the caller may choose others. */
  defaults?: Address;
  /**
   * A caller who sets one of these replaces this service, for each function that reads that variable.
   * Without the list the caller replaces the whole service (`given`).
   */
  replacedBy?: readonly string[];
  /** The user's own service: wins over all we could start. Throws ConfigError. */
  given: (env: Env) => Address | undefined;
  native: Runner;
  /** Undefined: it always runs natively. */
  container?: Container;
  /** Whether it answers, within a few seconds. */
  answers: (address: Address) => Promise<boolean>;
  /**
   * Brings a fresh service to what the functions need; safe to repeat. The AWS SDK must find region and
   * credentials in process.env.
   */
  prepare?: (environment: Env, needs: Needs) => Promise<void>;
  /** Facts for `status --json`, with passwords. */
  describe(environment: Address): Facts;
  /** The same for people, without passwords. */
  row(facts: Facts): string[];
};

/** Its part in docker-compose.yml. */
export type Container = {
  /** Variables of the compose file that we choose a free port for. */
  ports: readonly string[];
  /** The variable of the compose file that takes a generated password. */
  password: string | undefined;
  addressOf: (ports: Record<string, number>, password: string) => Address;
};

/** A URL as people may see it. */
export function withoutLogin(url: string): string {
  const address = new URL(url);
  address.username = address.password = "";
  return address.href;
}
