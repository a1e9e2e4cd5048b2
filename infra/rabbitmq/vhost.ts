import { ManagementError, vhostOf } from "./live.ts";

const ANSWER_MS = 10_000;

/**
 * Makes the vhost that the URL names, for its user, unless it is there. Throws ManagementError when the
 * management API cannot be reached or the user may not.
 */
export async function ensureVhost({
  url,
  managementUrl,
}: {
  url: string;
  managementUrl: string;
}): Promise<void> {
  const { username, password } = new URL(url);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(login).toString("base64")}`;
  const name = vhostOf(url);
  const place = `vhosts/${encodeURIComponent(name)}`;

  const call = async (method: "GET" | "PUT", path: string, body?: object) => {
    const answer = await fetch(`${new URL(managementUrl).origin}/api/${path}`, {
      method,
      headers: { authorization, "content-type": "application/json" },
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body && { body: JSON.stringify(body) }),
    }).catch((cause) => {
      throw new ManagementError(`cannot reach the management API at ${managementUrl}`, { cause });
    });
    await answer.body?.cancel();
    return answer;
  };
  const make = async (path: string, body: object) => {
    const { ok, status } = await call("PUT", path, body);
    if (ok) return;
    throw new ManagementError(
      `vhost ${name} cannot be made: the management API answers ${status}. The broker's user needs ` +
        "the tag administrator, or an administrator makes the vhost and lets the user in.",
    );
  };

  if ((await call("GET", place)).ok) return;
  await make(place, {});
  const everything = { configure: ".*", write: ".*", read: ".*" };
  await make(`permissions/${encodeURIComponent(name)}/${username}`, everything);
}
