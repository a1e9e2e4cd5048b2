import { type Folder, type HostProcess, hostFolder } from "./host-process.ts";
import { type OfflineProcess, type OfflineService, offlineService } from "./offline-service.ts";

/** Something that runs the functions of a serverless.yml on their RabbitMQ triggers. */
export type Runtime = {
  start: () => Promise<void>;
  /** As SIGTERM does it; resolves with the exit code. */
  stop: () => Promise<number | null>;
  /** How many triggers take messages. */
  taking: () => number;
  log: () => string;
  /** What the functions wrote with `record(object)`. */
  records: () => Promise<Record<string, unknown>[]>;
  remove: () => Promise<void>;
};

type Service = {
  /** `functions:` of its serverless.yml. */
  functions: string;
  /** ECMAScript modules by name; each has `record`, `recordsOf` and `bodiesOf`. */
  modules: Record<string, string>;
  env: Record<string, string>;
};

export const runtimes = { host, plugin };

/** `warren host`: a process for each function. */
async function host({ functions, modules, env }: Service): Promise<Runtime> {
  const folder: Folder = await hostFolder(functions, withRecordsOf(modules));
  let running: HostProcess;
  const texts = () => running.lines().map((line) => JSON.stringify(line));
  return {
    async start() {
      running = folder.start([], env);
    },
    stop() {
      running.process.kill("SIGTERM");
      return running.exit;
    },
    taking: () => texts().filter((text) => text.includes('"takes messages"')).length,
    log: () => texts().join("\n"),
    records: folder.records,
    remove: folder.remove,
  };
}

/** `serverless offline` with the plugin: a worker thread for each function. */
async function plugin({ functions, modules, env }: Service): Promise<Runtime> {
  const files = Object.entries(withRecordsOf(modules)).map(([name, code]) => [
    `${name}.mjs`,
    `${RECORD}${code}`,
  ]);
  const service: OfflineService = await offlineService({
    "serverless.yml": `${HEAD}${functions}`,
    ...(Object.fromEntries(files) as Record<string, string>),
  });
  let running: OfflineProcess;
  return {
    async start() {
      running = await service.start(["offline", "start"], env);
    },
    stop() {
      running.process.kill("SIGTERM");
      return running.exit;
    },
    taking: () => running.output().match(/takes messages/g)?.length ?? 0,
    log: () => running.output(),
    records: service.records,
    remove: service.remove,
  };
}

const HEAD = `
service: matrix
provider: { name: aws, runtime: nodejs24.x, region: eu-west-1 }
plugins: [serverless-offline, serverless-offline-rabbitmq]
custom: { serverless-offline: { localEnvironment: true, noSponsor: true } }
`;

/** hostFolder gives its modules the same. */
const RECORD = `
  import { appendFileSync } from "node:fs";
  const record = (one) => appendFileSync(process.env.RECORDS, JSON.stringify(one) + "\\n");
  const bodiesOf = (event) => Object.values(event.rmqMessagesByQueue).flat()
    .map(({ data }) => Buffer.from(data, "base64").toString());
`;

function withRecordsOf(modules: Record<string, string>): Record<string, string> {
  const recordsOf =
    "const recordsOf = (event) => Object.values(event.rmqMessagesByQueue).flat();\n";
  return Object.fromEntries(
    Object.entries(modules).map(([name, code]) => [name, `${recordsOf}${code}`]),
  );
}
