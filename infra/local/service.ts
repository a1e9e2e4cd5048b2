/** What Warren's functions know a service by: variables of the environment. */
export type Address = Record<string, string>;

/** Where a service lives while we run it. */
export type Place = {
  /** Configuration, data, log, pid: everything of this service in this instance. */
  folder: string;
  /** Downloads that instances share. */
  cache: string;
};

/** A way to run a service: natively, or as a container. */
export type Runner = {
  /** On its old ports and data if it ran here before; resolves with its address when ready. */
  start(place: Place): Promise<Address>;
  stop(place: Place): Promise<void>;
  /** Its address while it runs and answers, else `undefined`. */
  address(place: Place): Promise<Address | undefined>;
};

/** One of the services that Warren stands on; a new one is a new file and an entry in services.ts. */
export type Service = {
  name: string;
  title: string;
  /** The variables that name a service of the user's own: the first wins over all we could start. */
  variables: readonly [string, ...string[]];
  native: Runner;
  container: Container;
};

/** Its part in docker-compose.yml. */
export type Container = {
  service: string;
  /** Variables of the compose file that we choose a free port for. */
  ports: readonly string[];
  /** The variable of the compose file that takes a generated password. */
  password: string | undefined;
  address(chosen: Address): Address;
};
