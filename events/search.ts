import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId } from "./fields.ts";

const reindex = z.looseObject({ entity: z.enum(["product", "ticket", "message"]), id: entityId });

export const search = [
  contract({
    type: "search.reindex",
    meaning: "Rebuild the search data of an entity.",
    version: "1.0",
    data: reindex,
    key: ({ entity, id }) => `${entity}:${id}`,
    sample: { entity: "product", id: "prod_456" },
  }),
] as const;
