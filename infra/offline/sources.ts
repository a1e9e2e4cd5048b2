import { type Mapping, mappingOf, rabbitmqEvent } from "../../lib/trigger/mapping.ts";
import { vhostOf } from "../../lib/rabbit/management.ts";

/** The parts of the framework's object that we use. */
export type Serverless = {
  service: {
    custom?: Record<string, unknown>;
    getAllFunctions(): string[];
    getFunction(functionKey: string): { events?: Record<string, unknown>[] };
  };
  /** An error that the framework shows without a stack trace. */
  classes: { Error: new (message: string, code: string) => Error };
  pluginManager: { spawn(command: string): Promise<void> };
};

/** A `rabbitmq` event of a function, and the source of its messages. */
export type Source = Mapping & { functionKey: string; arn: string; url: string; vhost: string };

/** The configuration is wrong; the message names every error. */
export class SourcesError extends Error {
  override name = "SourcesError";
}

/**
 * Every `rabbitmq` event of the service, resolved. The broker is `custom.offlineRabbitmq.url`, else
 * RABBITMQ_URL; an event's `virtualHost` replaces that of the URL. Throws SourcesError.
 */
export function sourcesOf(
  { service }: Pick<Serverless, "service">,
  env: Record<string, string | undefined>,
): Source[] {
  const declared = service.getAllFunctions().flatMap((functionKey) => {
    const events = service.getFunction(functionKey).events ?? [];
    return events.flatMap(({ rabbitmq }) => (rabbitmq ? [{ functionKey, rabbitmq }] : []));
  });
  if (declared.length === 0) return [];

  const problems: string[] = [];
  const found = declared.flatMap(({ functionKey, rabbitmq }) => {
    const { data, error } = rabbitmqEvent.safeParse(rabbitmq);
    if (data) return [{ functionKey, event: data }];
    for (const { path, message } of error.issues) {
      problems.push(`${[functionKey, "rabbitmq", ...path].join(".")}: ${message}`);
    }
    return [];
  });
  const url = brokerUrl(service.custom, env, problems);
  if (problems.length > 0) throw new SourcesError(`rabbitmq events:\n  ${problems.join("\n  ")}`);

  return found.map(({ functionKey, event }) => ({
    functionKey,
    arn: typeof event.arn === "string" ? event.arn : NO_ARN,
    ...mappingOf(event),
    ...place(url!, event.virtualHost),
  }));
}

/** A value that only CloudFormation knows. */
const NO_ARN = "arn:aws:mq:us-east-1:000000000000:broker:offline:b-0";
const SETTINGS = "custom.offlineRabbitmq";

function brokerUrl(
  custom: Record<string, unknown> | undefined,
  env: Record<string, string | undefined>,
  problems: string[],
): URL | undefined {
  const { url, ...others } = (custom?.["offlineRabbitmq"] ?? {}) as Record<string, unknown>;
  for (const key of Object.keys(others))
    problems.push(`${SETTINGS}.${key}: is unknown; the only setting is url`);
  const given = url ?? env["RABBITMQ_URL"];
  const parsed = typeof given === "string" ? URL.parse(given) : null;
  if (parsed && /^amqps?:$/.test(parsed.protocol)) return parsed;
  const what = given === undefined ? "is missing" : "is not an amqp:// or amqps:// URL";
  problems.push(`the broker's address (${SETTINGS}.url, or RABBITMQ_URL) ${what}`);
  return undefined;
}

function place(broker: URL, virtualHost: string | undefined): { url: string; vhost: string } {
  const vhost = virtualHost ?? vhostOf(broker.href);
  const url = new URL(broker);
  url.pathname = `/${encodeURIComponent(vhost)}`;
  return { url: url.href, vhost };
}
