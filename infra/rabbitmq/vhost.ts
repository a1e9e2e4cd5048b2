import * as z from "zod";
import { management, ManagementError, vhostOf } from "../../lib/rabbit/management.ts";

const vhosts = z.array(z.object({ name: z.string() }));

/**
 * Makes the vhost that the URL names, for its user, unless the user has it. Throws ManagementError when
 * the management API cannot be reached or the user may not.
 */
export async function ensureVhost(broker: { url: string; managementUrl: string }): Promise<void> {
  const { get, put, vhost } = management(broker);
  const name = vhostOf(broker.url);
  if ((await get("vhosts?columns=name", vhosts)).some((one) => one.name === name)) return;

  const { username } = new URL(broker.url);
  try {
    await put(`vhosts/${vhost}`, {});
    await put(`permissions/${vhost}/${username}`, { configure: ".*", write: ".*", read: ".*" });
  } catch (cause) {
    if (!(cause instanceof ManagementError)) throw cause;
    const text =
      `vhost ${name} cannot be made: ${cause.message}. The broker's user needs the tag ` +
      "administrator, or an administrator makes the vhost and lets the user in.";
    throw new ManagementError(text, { cause });
  }
}
