import * as z from "zod";
import { directory, exposition, ledger, variables } from "../../lib/config.ts";

export const config = z.object({ ...exposition, ...variables, ...directory }).and(ledger);
