import { expect, test } from "vitest";
import type { Received } from "../../lib/envelope/envelope.ts";
import {
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../../lib/pipeline/errors.ts";
import type { Recipient, Request, Skipped } from "./recipients.ts";
import { sender } from "./sender.ts";
import type { Message } from "./transport.ts";

const never = new AbortController().signal;
const found: Recipient<string> = { to: "olena@example.org", name: "u1", locale: "uk" };

function received(id: string): Received<Request> {
  const data = { kind: "welcome", template: "hello", data: { name: "O" }, to: { user_id: "u1" } };
  return {
    event: {
      id,
      source: "notifier",
      tenant_id: "acme",
      type: "email.requested",
      data,
    } as unknown as Request,
    digest: "d",
  };
}

function setup({
  find = async () => found,
  send = async () => {},
}: {
  find?: () => Promise<Recipient<string> | Skipped>;
  send?: (message: Message<string>) => Promise<void>;
} = {}) {
  const sent: Message<string>[] = [];
  const skipped: object[] = [];
  const steps: string[] = [];
  const failures: unknown[] = [];
  const done: string[] = [];
  const consumer = sender<string>({
    name: "send-test",
    concurrency: 1,
    whenUncertain: "dead-letter",
    parse: () => received("a"),
    recipients: { find, probe: async () => void steps.push("directory") },
    templates: {
      names: [],
      render: ({ tenant, template, locale, data }) => ({
        text: [tenant, template, locale, JSON.stringify(data)].join(" "),
      }),
    },
    transport: {
      async send(message) {
        steps.push("send");
        await send(message);
        sent.push(message);
      },
      probe: async () => void steps.push("probe"),
      close: async () => {},
    },
    pace: {
      turn: async () => void steps.push("turn"),
      sent: ({ id }) => done.push(id),
      failed: (_, error) => failures.push(error),
    },
    onSkipped: (one) => skipped.push(one),
  });
  const run = async (one: Received<Request>) => {
    const next = await consumer.beforeSend?.(one, never);
    return next === "send" ? consumer.apply([one], never) : next;
  };
  return { consumer, run, sent, skipped, steps, failures, done };
}

test("sends what the template says, in the recipient's language, when it is its turn", async () => {
  const { run, sent, steps, done } = setup();
  expect(await run(received("a"))).toEqual([]);
  expect(sent).toEqual([
    {
      id: "a",
      source: "notifier",
      tenant: "acme",
      kind: "welcome",
      to: "olena@example.org",
      recipient: "u1",
      content: { text: 'acme hello uk {"name":"O"}' },
    },
  ]);
  expect(steps).toEqual(["turn", "send"]);
  expect(done).toEqual(["a"]);
});

test("sends nothing to somebody who wants nothing, and counts it without saying who", async () => {
  const { run, sent, skipped } = setup({ find: async () => "opted out" });
  expect(await run(received("a"))).toBe("nothing to send");
  expect(sent).toEqual([]);
  expect(skipped).toEqual([{ kind: "welcome", why: "opted out" }]);
});

test("an event that is not made ready is not sent", async () => {
  const { consumer, steps } = setup();
  await expect(consumer.apply([received("a")], never)).rejects.toThrow("before it was made ready");
  expect(steps).toEqual([]);
});

test("after a send without a known end asks whether anybody is there before the next", async () => {
  let answers = false;
  const { run, steps } = setup({
    send: async () => {
      if (!answers) throw new UncertainError("no answer");
    },
  });
  await expect(run(received("a"))).rejects.toThrow(UncertainError);
  answers = true;
  await run(received("b"));
  await run(received("c"));
  expect(steps).toEqual(["turn", "send", "probe", "turn", "send", "turn", "send"]);
});

test.each([new PermanentError("refused"), new RetryLaterError("429", 5), new OutageError("down")])(
  "passes on what the transport says of a failure, and tells the pace: %o",
  async (error) => {
    const { run, failures } = setup({ send: () => Promise.reject(error) });
    await expect(run(received("a"))).rejects.toBe(error);
    expect(failures).toEqual([error]);
  },
);

test("the requests to one recipient keep their order", () => {
  const { consumer } = setup();
  const to = (tenant_id: string, user_id: string) =>
    consumer.laneOf?.({ event: { tenant_id, data: { to: { user_id } } } } as unknown as Received);
  expect(to("acme", "u1")).toBe(to("acme", "u1"));
  expect(new Set([to("acme", "u1"), to("acme", "u2"), to("other", "u1")]).size).toBe(3);
});

test("is healthy when both directory and transport are", async () => {
  const { consumer, steps } = setup();
  await consumer.probe(never);
  expect(steps).toEqual(["directory", "probe"]);
});
