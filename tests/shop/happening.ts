import type { EventType } from "../../events/catalogue.ts";

/** What happens in a shop, without time and name. */
export type Happening = {
  type: EventType;
  data: Record<string, unknown>;
  session?: string;
  /** Without one it is the current one. */
  version?: string;
};
