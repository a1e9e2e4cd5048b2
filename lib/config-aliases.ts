/** Names of the environment, as `process.env` has them. */
export type Env = Record<string, string | undefined>;

/**
 * Adds Warren's variables that are given under the names of the systems it replaces. A variable
 * given both ways is a problem: nobody can know which one was meant. Problems name variables only.
 */
export function aliased(given: Env): { env: Env; problems: string[] } {
  const env = { ...given };
  const problems: string[] = [];

  for (const { name, from, value } of ALIASES) {
    const present = from.filter((alias) => given[alias] !== undefined);
    if (present.length === 0) continue;
    if (given[name] !== undefined) {
      problems.push(`${name}: is also given as ${present.join(", ")}; keep one of them`);
      continue;
    }
    const result = value(given);
    if ("problem" in result) problems.push(result.problem);
    else env[name] = result.value;
  }
  return { env, problems };
}

type Alias = {
  name: string;
  from: string[];
  value: (given: Env) => { value: string } | { problem: string };
};

const ALIASES: Alias[] = [
  {
    name: "RETRY_DELAYS",
    from: ["RABBITMQ_RETRY_COUNT", "RABBITMQ_RETRY_DELAY"],
    value: ladder,
  },
  {
    name: "RABBITMQ_URL",
    // Lower case only: Kubernetes sets RABBITMQ_PORT=tcp://… beside every service named rabbitmq.
    from: [
      "rabbitmq_hostname",
      "rabbitmq_port",
      "rabbitmq_user",
      "rabbitmq_password",
      "rabbitmq_vhost",
    ],
    value: brokerUrl,
  },
  { name: "REDIS_URL", from: ["REDIS_ADDR"], value: redisUrl },
];

/** A first delay that doubles: 3 and 5s are 5s,10s,20s. */
function ladder(given: Env): { value: string } | { problem: string } {
  const { RABBITMQ_RETRY_COUNT: count = "3", RABBITMQ_RETRY_DELAY: delay = "5s" } = given;
  const [, amount, unit] = /^(\d{1,8})(ms|s|m|h)$/.exec(delay) ?? [];

  if (!/^([1-9]|10)$/.test(count)) return { problem: "RABBITMQ_RETRY_COUNT: must be 1 to 10" };
  if (amount === undefined || unit === undefined) {
    return { problem: "RABBITMQ_RETRY_DELAY: must be a duration, such as 5s" };
  }
  const steps = Array.from(
    { length: Number(count) },
    (_, i) => `${Number(amount) * 2 ** i}${unit}`,
  );
  return { value: steps.join(",") };
}

function brokerUrl(given: Env): { value: string } | { problem: string } {
  const {
    rabbitmq_hostname: hostname,
    rabbitmq_port: port = "5672",
    rabbitmq_user: user,
    rabbitmq_password: password,
    rabbitmq_vhost: vhost = "/",
  } = given;

  if (hostname === undefined || user === undefined || password === undefined) {
    return { problem: "rabbitmq_hostname, rabbitmq_user, rabbitmq_password: all are required" };
  }
  const [name, secret, room] = [user, password, vhost].map(encodeURIComponent);
  return { value: `amqp://${name}:${secret}@${hostname}:${port}/${room}` };
}

/** Go's form of an address: host and port, no scheme. */
function redisUrl({ REDIS_ADDR = "" }: Env): { value: string } | { problem: string } {
  if (/^[^\s/@]+:\d{1,5}$/.test(REDIS_ADDR)) return { value: `redis://${REDIS_ADDR}` };
  return { problem: "REDIS_ADDR: must be host:port" };
}
