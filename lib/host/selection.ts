import type { HostedFunction } from "./declaration.ts";
import type { WorkerSpec } from "./messages.ts";

/** The command line names a function or a queue that serverless.yml lacks. */
export class SelectionError extends Error {
  override name = "SelectionError";
  readonly given: string;
  /** What serverless.yml has instead. */
  readonly names: readonly string[];

  constructor(message: string, given: string, names: readonly string[]) {
    super(message);
    this.given = given;
    this.names = names;
  }
}

export type Wanted = {
  /** Functions by name; none and no queue means all. */
  names: readonly string[];
  /** A queue's name, or what follows `events.` in it. */
  queue: string | undefined;
  /** Processes for each function with a queue. */
  workers: number;
  prefetch: number | undefined;
  bind: string;
  graceMs: number;
};

/** The processes to start. Throws SelectionError. */
export function specsOf(declared: readonly HostedFunction[], wanted: Wanted): WorkerSpec[] {
  const functions = select(declared, wanted);
  const http = functions.filter(({ trigger }) => trigger.kind === "http");
  return functions.flatMap((hosted) => {
    const count = hosted.trigger.kind === "queue" ? wanted.workers : 1;
    return Array.from({ length: count }, (_, index): WorkerSpec => ({
      function: hosted,
      index,
      prefetch: wanted.prefetch,
      bind: wanted.bind,
      portOffset: Math.max(0, http.indexOf(hosted)),
      graceMs: wanted.graceMs,
    }));
  });
}

function select(declared: readonly HostedFunction[], { names, queue }: Wanted): HostedFunction[] {
  for (const name of names) {
    if (declared.some((one) => one.name === name)) continue;
    const message = `no function ${name} with an event in serverless.yml`;
    throw new SelectionError(
      message,
      name,
      declared.map((one) => one.name),
    );
  }
  if (names.length === 0 && queue === undefined) return [...declared];

  const queues = declared.flatMap(({ trigger }) => (trigger.kind === "queue" ? trigger.queue : []));
  const full = queues.find((name) => name === queue || name === `events.${queue}`);
  if (queue !== undefined && full === undefined) {
    const given = queue.includes(".") ? queue : `events.${queue}`;
    throw new SelectionError(`no function has a queue ${queue}`, given, queues);
  }
  return declared.filter(
    ({ name, trigger }) =>
      names.includes(name) || (trigger.kind === "queue" && trigger.queue === full),
  );
}
