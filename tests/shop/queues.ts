import { vhostOf } from "../../lib/rabbit/management.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";

const ANSWER_MS = 10_000;

/**
 * How many messages each queue of the vhost holds, those at a consumer included: as the management
 * API saw it up to 5 s ago.
 */
export async function depths({
  url,
  managementUrl,
}: {
  url: string;
  managementUrl: string;
}): Promise<Map<string, number>> {
  const { username, password } = new URL(url);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const vhost = encodeURIComponent(vhostOf(url));
  const answer = await fetch(`${managementUrl}/api/queues/${vhost}?columns=name,messages`, {
    headers: { authorization: `Basic ${btoa(login)}` },
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(`the management API answers ${answer.status}`);
  // A queue that was just made has no figures yet.
  const queues = (await answer.json()) as { name: string; messages?: number }[];
  return new Map(queues.map(({ name, messages }) => [name, messages ?? Infinity]));
}

/** How many messages lie in a queue now, without those at a consumer. */
export function ready(url: string, queue: string): Promise<number> {
  return withChannel({ url, name: "shop" }, async (channel) => {
    const { messageCount } = await channel.checkQueue(queue);
    return messageCount;
  });
}
