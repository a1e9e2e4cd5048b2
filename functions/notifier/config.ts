import * as z from "zod";
import { exposition, ledger, variables } from "../../lib/config.ts";
import { directoryVariables } from "../../kit/people/config.ts";
import { shopRecipients } from "./shop.ts";

export const config = z
  .object({
    ...exposition,
    ...variables,
    ...directoryVariables,
    /** Who is told of what concerns the shop itself, by tenant (shop.ts). */
    SHOP_RECIPIENTS: shopRecipients,
  })
  .and(ledger);
