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

/** Who can be reached by phone, by Telegram and in a browser follows from the number in the id. */
export function contactOf(id: string): Contact {
  const number = Number(/\d+/.exec(id)?.[0]);
  return {
    email: `${id}@example.com`,
    name: `Name ${id}`,
    locale: number % 3 === 0 ? "en" : "uk",
    ...(number % 2 === 0 && { phone: `+38044${1_000_000 + number}` }),
    ...(number % 3 === 1 && { telegram_chat_id: String(700_000_000 + number) }),
    ...(number % 3 === 2 && { push_subscriptions: [subscriptionOf(id)] }),
  };
}

/** Keys of a browser that nobody has: made with `crypto.createECDH("prime256v1")`. */
function subscriptionOf(id: string) {
  return { endpoint: `https://push.example.com/${id}`, keys: BROWSER };
}

const BROWSER = {
  p256dh: "BG3Rz-tludM49jyLvnKSqzYXEkHJAQY-QaO5tWD-QLaWkJAF4z-u7d1tv7BQtGx8zY6Aa1iC2vSZGw2EXURG1RY",
  auth: "F3v2jiA0Pe80tsQK375bJA",
};
