import * as z from "zod";
import { management, ManagementError, vhostOf } from "../../lib/rabbit/management.ts";

/**
 * Makes the vhost that the URL names, for its user, unless it is there. Throws ManagementError when the
 * management API cannot be reached or the user may not.
 */
export async function ensureVhost(broker: { url: string; managementUrl: string }): Promise<void> {
  const { get, put, vhost } = management(broker);
  const place = `vhosts/${vhost}`;
  const isThere = await get(place, z.unknown()).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  try {
    await put(place, {});
    const everything = { configure: ".*", write: ".*", read: ".*" };
    await put(`permissions/${vhost}/${new URL(broker.url).username}`, everything);
  } catch (cause) {
    if (!(cause instanceof ManagementError)) throw cause;
    const text =
      `vhost ${vhostOf(broker.url)} cannot be made: ${cause.message}. The broker's user needs the tag ` +
      "administrator, or an administrator makes the vhost and lets the user in";
    throw new ManagementError(text, { cause });
  }
}
