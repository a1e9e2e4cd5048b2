import * as z from "zod";
import { exposition, variables } from "../../lib/config.ts";
import { directoryVariables } from "../people/config.ts";

/** What every sender reads besides its own channel's, to be joined with `ledger` of lib/config.ts. */
export const sending = {
  ...exposition,
  ...variables,
  ...directoryVariables,
  /** Of templates, for readers whose own language is not known or not there. */
  DEFAULT_LOCALE: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, "must look like en or pt-BR")
    .default("en"),
};

/** Messages per second, in each process. */
export const rate = z.coerce.number().int().min(1).max(10_000);

/** What to do with a message that may or may not have gone out. */
export const whenUncertain = z.enum(["resend", "dead-letter"], "must be resend or dead-letter");

export const httpUrl = z.url({
  protocol: /^https?$/,
  error: "must be an https:// or http:// URL",
});
