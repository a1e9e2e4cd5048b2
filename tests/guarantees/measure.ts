import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { readConsumers, ROOT } from "../../infra/rabbitmq/consumers.ts";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { playAll } from "./lane.ts";
import { type Consuming, openRig } from "./rig.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import type { Subject } from "./subject.ts";
import { type Turns, turns } from "../../lib/async/turns.ts";
import type { Cell } from "./verdict.ts";

export type Row = {
  subject: Subject;
  /** The version of the sink. */
  version: string;
  /** Keyed by the title of the scenario. */
  cells: ReadonlyMap<string, Cell>;
};

/** Short where workers are killed: a claim can be taken over only after this time plus 30 s. */
export const KILLED_TIMEOUT_S = 20;

/** Parallel hosts, and parallel starts of hosts, which need most of a small machine's processors. */
const RUNNING = 4;
const STARTING = 2;

/** Functions with a queue, by name. */
export async function consumersDeclared(root = ROOT): Promise<Map<string, Consuming>> {
  const accepted = new Map((await readConsumers(root)).map((one) => [one.queue, one.accepts]));
  const declared = (await readDeclaration(root)).flatMap((hosted): Consuming[] => {
    const { trigger } = hosted;
    if (trigger.kind !== "queue") return [];
    return [{ hosted, queue: trigger.queue, accepts: accepted.get(trigger.queue) ?? [] }];
  });
  return new Map(declared.map((one) => [one.hosted.name, one]));
}

/** Names the differences between serverless.yml and the subjects. */
export function missingSubjects(
  declared: ReadonlyMap<string, unknown>,
  subjects: readonly Subject[],
): string[] {
  const known = subjects.map(({ name }) => name);
  return [
    ...[...declared.keys()]
      .filter((name) => !known.includes(name))
      .map(
        (name) =>
          `${name} has a queue, and nobody tests what it guarantees: tests/guarantees/subjects`,
      ),
    ...known
      .filter((name) => !declared.has(name))
      .map((name) => `${name} is tested, and is no function with a queue in serverless.yml`),
  ];
}

/** Plays all scenarios on each of these functions in parallel; returns a row for each. */
export function measure({
  subjects,
  declared,
  fault,
  played = scenarios,
}: {
  subjects: readonly Subject[];
  declared: ReadonlyMap<string, Consuming>;
  fault?: string | undefined;
  played?: readonly Scenario[];
}): Promise<Row>[] {
  // Scenarios that wait for leases go first.
  const order = subjects.toSorted((a, b) => Number(a.vow === "once") - Number(b.vow === "once"));
  const shared = { running: turns(RUNNING), starting: turns(STARTING) };
  const rows = new Map(
    order.map((subject) => {
      const consuming = declared.get(subject.name);
      return [subject, rowOf({ subject, consuming, fault, played, turns: shared })];
    }),
  );
  return subjects.map((subject) => rows.get(subject)!);
}

/** The scenarios for two workers and those for one, each on a separate host. */
async function rowOf({
  subject,
  consuming,
  fault,
  played,
  turns: { running, starting },
}: {
  subject: Subject;
  consuming: Consuming | undefined;
  fault: string | undefined;
  played: readonly Scenario[];
  turns: { running: Turns; starting: Turns };
}): Promise<Row> {
  if (consuming === undefined) throw new Error(`serverless.yml has no queue for ${subject.name}`);
  const lane = async (workers: 1 | 2, timeoutS: number) => {
    const some = played.filter((one) => one.workers === workers);
    if (some.length === 0) return undefined;
    const rig = await starting(() => openRig({ subject, consuming, fault, workers, timeoutS }));
    try {
      const version = await rig.stage.version();
      const cells = await playAll(rig, some, subject.vow);
      if (cells.some(([, { problems }]) => problems.length > 0))
        await keepLog(`${subject.name}-${workers}`, rig.lines());
      return { version, cells };
    } finally {
      await rig.close();
    }
  };
  const both = await Promise.all([
    running(() => lane(2, KILLED_TIMEOUT_S)),
    running(() => lane(1, consuming.hosted.timeoutMs / 1_000)),
  ]);
  const lanes = both.flatMap((one) => one ?? []);
  const cells = new Map(lanes.flatMap((one) => one.cells));
  const inOrder = played.map(({ title }) => [title, cells.get(title)!] as const);
  return { subject, version: lanes[0]!.version, cells: new Map(inOrder) };
}

/** Writes the log of a host that broke a promise. Start there to find the cause. */
async function keepLog(name: string, lines: readonly object[]): Promise<void> {
  await mkdir(LOGS, { recursive: true });
  const file = join(LOGS, `${name}.log`);
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  console.error(`the log of the host of ${name} is in ${relative(ROOT, file)}`);
}

const LOGS = join(ROOT, ".warren/guarantees");
