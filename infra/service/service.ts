import type { Env } from "../../lib/config-aliases.ts";

/** The environment variables through which functions reach a service. */
export type Address = Record<string, string>;

/** The folders of a service that Warren runs. */
export type Place = {
  /** The instance's folder of this service: configuration, data, log and process record. */
  folder: string;
  /** Downloads; all instances share them. */
  cache: string;
  /** Reports a step that takes long. */
  report: (text: string) => void;
};

/** A way to run a service: natively, or as a container. */
export type Runner = {
  /** Reuses the ports and data of earlier runs. Resolves with the address once the service answers. */
  start(place: Place): Promise<Address>;
  /** Stops its processes; ports, data and password stay. */
  stop(place: Place): Promise<void>;
  /** Sends a signal, to simulate a crash or a freeze in tests. */
  signal(place: Place, name: NodeJS.Signals): Promise<void>;
  /** Undefined unless the service was started and not stopped since. */
  find(place: Place): Promise<Found | undefined>;
};

export type Found = {
  address: Address;
  alive: boolean;
  /** Its command differs from today's, for example in the version. The next start replaces it. */
  outdated?: boolean;
};

/** Options of \`prepare\` besides the environment. */
export type Needs = {
  /** ms */
  retryDelays: readonly number[];
};

/**
 * A product that functions need. To add one, add a folder in infra/ and an entry in
 * infra/local/services.ts. `Facts` is its part of `status --json`.
 */
export type Service<Facts extends object = object> = {
  /** The name of its folder, and of its service in docker-compose.yml. */
  name: string;
  title: string;
  /** The variables that the service gives to functions. A function that reads one of them needs the service. */
  provides: readonly string[];
  /** Further variables besides the address, such as table names. The caller may set others. */
  defaults?: Address;
  /**
   * If the caller sets one of these variables, it replaces this service for each function that reads it.
   * Without this list, the caller replaces the whole service (`given`).
   */
  replacedBy?: readonly string[];
  /** The user's own service, if set; Warren then starts none. Throws ConfigError. */
  given: (env: Env) => Address | undefined;
  native: Runner;
  /** Undefined if the service always runs natively. */
  container?: Container;
  /** Whether the service answers within a few seconds. */
  answers: (address: Address) => Promise<boolean>;
  /**
   * Creates what the functions need in the service; safe to repeat. The AWS SDK must find region and
   * credentials in process.env.
   */
  prepare?: (environment: Env, needs: Needs) => Promise<void>;
  /** Facts for `status --json`, with passwords. */
  describe(environment: Address): Facts;
  /** The same facts for people, without passwords. */
  row(facts: Facts): string[];
};

/** The service's part of docker-compose.yml. */
export type Container = {
  /** Variables of the compose file that get a free port. */
  ports: readonly string[];
  /** The variable of the compose file that gets a generated password. */
  password: string | undefined;
  addressOf: (ports: Record<string, number>, password: string) => Address;
};

/** The URL without its password. */
export function withoutLogin(url: string): string {
  const address = new URL(url);
  address.username = address.password = "";
  return address.href;
}
