import * as z from "zod";
import { management, ManagementError, vhostOf } from "../../lib/rabbit/management.ts";

const vhosts = z.array(z.object({ name: z.string() }));

/**
 * Creates the URL's vhost for the URL's user, unless that user already has it. Throws ManagementError when
 * the management API is unreachable or the user lacks the permission.
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
      `vhost ${name} cannot be created: ${cause.message}. Give the broker's user the tag ` +
      "administrator, or let an administrator create the vhost and grant the user access.";
    throw new ManagementError(text, { cause });
  }
}
