import { hash } from "node:crypto";

/** How somebody is reached: the same for everything that is ever said about them. */
export type Contact = {
  email: string;
  name: string;
  locale: string;
  phone?: string;
  telegram_chat_id?: string;
  push_subscriptions?: { endpoint: string; keys: { p256dh: string; auth: string } }[];
};

/** Those who answer tickets. */
export const AGENTS = ["agent_1", "agent_2", "agent_3"] as const;

/**
 * How somebody of a tenant is reached: nobody of another tenant is reached there. By phone, Telegram or a
 * browser whoever has the number for it in the id. `pushUrl` is where subscriptions are.
 */
export function contactOf(
  { tenant, pushUrl }: { tenant: string; pushUrl: string },
  id: string,
): Contact {
  const number = Number(/\d+/.exec(id)?.[0]);
  const digits = String(Number.parseInt(hash("sha256", `${tenant}/${id}`).slice(0, 8), 16));
  return {
    email: `${id}@${tenant}.example.com`,
    name: `Name ${id}`,
    locale: number % 3 === 0 ? "en" : "uk",
    ...(number % 2 === 0 && { phone: `+380${digits.padStart(10, "0")}` }),
    ...(number % 3 === 1 && { telegram_chat_id: digits }),
    ...(number % 3 === 2 && {
      push_subscriptions: [{ endpoint: `${pushUrl}/${tenant}/${id}`, keys: BROWSER }],
    }),
  };
}

/** Keys of a browser that nobody has: made with `crypto.createECDH("prime256v1")`. */
const BROWSER = {
  p256dh: "BG3Rz-tludM49jyLvnKSqzYXEkHJAQY-QaO5tWD-QLaWkJAF4z-u7d1tv7BQtGx8zY6Aa1iC2vSZGw2EXURG1RY",
  auth: "F3v2jiA0Pe80tsQK375bJA",
};
