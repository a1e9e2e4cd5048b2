import * as z from "zod";
import { contract } from "./contract.ts";
import { email, entityId, line } from "./fields.ts";

/** Whoever signs up with an address alone is known by it: parsed, `user_id` is always there. */
const signup = z
  .looseObject({
    user_id: entityId.optional(),
    email: email.optional(),
    name: line.optional(),
    phone: line.optional(),
  })
  .transform((user, context) => {
    const user_id = user.user_id ?? user.email;
    if (user_id === undefined) {
      context.addIssue({
        code: "custom",
        path: ["user_id"],
        message: "user_id or email is needed",
      });
    }
    return { ...user, user_id: user_id ?? "" };
  });

export const users = [
  contract({
    type: "user.signup",
    version: "1.0",
    data: signup,
    key: ({ user_id }) => user_id,
    sample: { user_id: "user_1", email: "olena@example.com" },
  }),
] as const;
