import * as z from "zod";
import { exposition, ledger, variables } from "../../lib/config.ts";
import { directoryVariables } from "../../kit/people/config.ts";

export const config = z.object({ ...exposition, ...variables, ...directoryVariables }).and(ledger);
