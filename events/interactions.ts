import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId } from "./fields.ts";

/** One interaction of a user with a product. */
const interaction = z.looseObject({
  user_id: entityId,
  product_id: entityId,
  user_session: z.string().min(1).max(200).optional(),
});

const terms = {
  version: "1.0",
  data: interaction,
  key: ({ user_id }: z.output<typeof interaction>) => user_id,
  sample: { user_id: "user_1", product_id: "prod_456", user_session: "s_8f3a" },
};

export const interactions = [
  contract({
    ...terms,
    type: "interaction.viewed",
    meaning: "A user has looked at a product.",
  }),
  contract({
    ...terms,
    type: "interaction.added_to_cart",
    meaning: "A user has put a product into the cart.",
  }),
  contract({
    ...terms,
    type: "interaction.removed_from_cart",
    meaning: "A user has taken a product out of the cart.",
  }),
  contract({
    ...terms,
    type: "interaction.purchased",
    meaning: "A user has bought a product.",
  }),
  contract({
    ...terms,
    type: "interaction.wishlisted",
    meaning: "A user has noted a product for later.",
  }),
] as const;
