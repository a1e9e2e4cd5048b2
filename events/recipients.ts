import * as z from "zod";
import { contract } from "./contract.ts";
import { email, entityId, line } from "./fields.ts";
import { channel, kind } from "./requests.ts";

/**
 * A recipient opts out of a channel, or in again. The recipient is a user or a literal address, phone
 * number or chat, such as from a link in a mail. With `kind` (`order.shipped`) it concerns only messages of
 * that kind. The newest event about a message wins.
 */
const choice = z
  .looseObject({
    channel,
    user_id: entityId.optional(),
    address: line.optional(),
    kind: kind.optional(),
  })
  .superRefine(({ channel: on, user_id, address }, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if ((user_id === undefined) === (address === undefined)) {
      wrong("address", "either address or user_id is required");
    } else if (address !== undefined) {
      if (on === "push") wrong("address", "push knows users only: name the user_id");
      if (on === "email" && !email.safeParse(address).success)
        wrong("address", "must look like name@example.com");
    }
  });

const terms = {
  version: "1.0",
  data: choice,
  key: ({ channel: on, user_id, address }: z.output<typeof choice>) =>
    user_id ?? `${on}:${address}`,
};

export const recipients = [
  contract({
    ...terms,
    type: "recipient.unsubscribed",
    meaning: "Somebody wants no more messages on a channel, of one kind or of any.",
    sample: { channel: "email", address: "olena@example.com", kind: "order.shipped" },
  }),
  contract({
    ...terms,
    type: "recipient.resubscribed",
    meaning: "Somebody wants messages on a channel again.",
    sample: { channel: "sms", user_id: "user_1" },
  }),
] as const;
