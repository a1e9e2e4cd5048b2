import * as z from "zod";
import { exposition, variables } from "../../lib/config.ts";
import { directoryVariables } from "../people/config.ts";

/** The variables of every sender besides those of its channel. Join them with `ledger` of lib/config.ts. */
export const sending = {
  ...exposition,
  ...variables,
  ...directoryVariables,
  DEFAULT_LOCALE: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, "must look like en or pt-BR")
    .default("en")
    .describe("Locale of templates for recipients whose own has no template"),
};

export const RATE = "Messages per second, in each process";
export const rate = z.coerce.number().int().min(1).max(10_000);

export const UNCERTAIN = "What happens to a message that may or may not have been sent";
export const whenUncertain = z.enum(["resend", "dead-letter"], "must be resend or dead-letter");

export const httpUrl = z.url({
  protocol: /^https?$/,
  error: "must be an https:// or http:// URL",
});
