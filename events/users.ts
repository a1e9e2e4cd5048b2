import { contract } from "./contract.ts";
import { contact, entityId } from "./fields.ts";

/** If a user signs up with an address only, the address becomes the `user_id`. Parsed data always has one. */
const signup = contact.extend({ user_id: entityId.optional() }).transform((user, context) => {
  const user_id = user.user_id ?? user.email;
  if (user_id === undefined) {
    context.addIssue({
      code: "custom",
      path: ["user_id"],
      message: "user_id or email is required",
    });
  }
  return { ...user, user_id: user_id ?? "" };
});

export const users = [
  contract({
    type: "user.signup",
    meaning: "Somebody has opened an account.",
    version: "1.0",
    data: signup,
    key: ({ user_id }) => user_id,
    sample: {
      user_id: "user_1",
      email: "olena@example.com",
      locale: "uk",
      telegram_chat_id: "123456789",
      push_subscriptions: [
        {
          endpoint: "https://push.example.com/v1/d7Fz",
          keys: {
            p256dh:
              "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            auth: "BTBZMqHH6r4Tts7J_aSIgg",
          },
        },
      ],
    },
  }),
] as const;
