import * as z from "zod";
import { exposition, ledger, variables } from "../../lib/config.ts";
import { directoryVariables } from "../../kit/people/config.ts";
import { shopRecipients } from "./shop.ts";

export const config = z
  .object({
    ...exposition,
    ...variables,
    ...directoryVariables,
    SHOP_RECIPIENTS: shopRecipients.describe(
      "JSON, by tenant: who is notified about the shop itself (docs/notifications.md)",
    ),
  })
  .and(ledger);
