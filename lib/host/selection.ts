import type { HostedFunction } from "./declaration.ts";
import type { WorkerSpec } from "./messages.ts";

/** The command line asks for something that is not there; the message says what is. */
export class SelectionError extends Error {
  override name = "SelectionError";
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
    const known = declared.map((one) => one.name).join(", ");
    throw new SelectionError(
      `no function ${name} with an event in serverless.yml; there are ${known}`,
    );
  }
  if (names.length === 0 && queue === undefined) return [...declared];

  const queues = declared.flatMap(({ trigger }) => (trigger.kind === "queue" ? trigger.queue : []));
  const full = queues.find((name) => name === queue || name === `events.${queue}`);
  if (queue !== undefined && full === undefined) {
    throw new SelectionError(`no function has a queue ${queue}; there are ${queues.join(", ")}`);
  }
  return declared.filter(
    ({ name, trigger }) =>
      names.includes(name) || (trigger.kind === "queue" && trigger.queue === full),
  );
}
