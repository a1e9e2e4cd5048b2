import { expect, test } from "vitest";
import type { Keys } from "../../kit/http/keys.ts";

/** What all `Keys` promise (kit/http/keys.ts). `open` makes keys that know these keys by tenant. */
export function keysContract(
  name: string,
  open: (tenants: { [tenant: string]: string }) => Promise<Keys>,
): void {
  test(`${name} knows the tenant of a key, and no tenant of any other text`, async () => {
    const [ours, theirs] = ["wk_0000000000000000000000", "wk_1111111111111111111111"];
    const keys = await open({ shop: ours, bank: theirs });

    expect(await keys.tenantOf(ours)).toBe("shop");
    expect(await keys.tenantOf(theirs)).toBe("bank");
    for (const wrong of ["", "wk_", `${ours} `, ours.toUpperCase(), "x".repeat(100_000)]) {
      expect(await keys.tenantOf(wrong)).toBe(undefined);
    }
  });
}
