import { expect, test } from "vitest";
import { NotNowError, OutageError, PermanentError } from "../../lib/pipeline/errors.ts";
import {
  BrokerUnavailableError,
  ChannelLostError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import type { RabbitMessage } from "../../lib/rabbit/publisher.ts";
import { rabbitOutbox } from "./outbox.ts";

const never = new AbortController().signal;

/** An outbox at a broker whose queues, by routing key, answer with an error. */
function setup(errors: Record<string, Error>) {
  const asked: string[] = [];
  const publish = async ({ routingKey }: RabbitMessage) => {
    asked.push(routingKey);
    await Promise.resolve();
    if (errors[routingKey] !== undefined) throw errors[routingKey];
  };
  const clock = { now: 0 };
  const outbox = rabbitOutbox({
    publisher: { publish },
    requireExchange: async () => {},
    now: () => clock.now,
  });
  return { asked, outbox, clock };
}
const to = (routingKey: string, owner = routingKey) => ({
  owner,
  message: (): RabbitMessage => ({ exchange: "events", routingKey, body: Buffer.from("{}") }),
});

test.each([
  ["is full", new PublishRefusedError("full")],
  ["is not there", new UnroutableError("no queue")],
  ["says nothing in time", new PublishUnknownError("no confirm")],
])("a queue that %s fails those who have a message for it, and no others", async (_, error) => {
  const { asked, outbox } = setup({ sms: error });

  const failures = await outbox.publish(
    [to("sms", "a"), to("email", "a"), to("email", "b"), to("push", "c")],
    never,
  );

  expect(failures).toEqual(new Map([["a", new NotNowError(error.message, { cause: error })]]));
  expect(asked.toSorted()).toEqual(["email", "email", "push", "sms"]);
});

test.each([
  ["cannot be reached", new BrokerUnavailableError("away")],
  ["is lost on the way", new ChannelLostError("lost")],
])("a broker that %s is an outage", async (_, error) => {
  const { outbox } = setup({ sms: error });

  await expect(outbox.publish([to("email"), to("sms")], never)).rejects.toThrow(OutageError);
});

test("a queue that says nothing is waited for once, not for each of its messages", async () => {
  const { asked, outbox } = setup({ sms: new PublishUnknownError("no confirm") });
  const many = Array.from({ length: 1_000 }, (_, n) => [to("sms", `s${n}`), to("email", `e${n}`)]);

  const failures = await outbox.publish(many.flat(), never);

  expect(failures.size).toBe(1_000);
  // As many as are in flight when the first wait ends.
  expect(asked.filter((key) => key === "sms").length).toBeLessThanOrEqual(200);
  expect(asked.filter((key) => key === "email")).toHaveLength(1_000);
});

test("a queue that says nothing is asked again after 30 s", async () => {
  const errors: Record<string, Error> = { sms: new PublishUnknownError("no confirm") };
  const { asked, outbox, clock } = setup(errors);
  const publish = async () => (await outbox.publish([to("sms")], never)).size;

  expect(await publish()).toBe(1);
  clock.now = 29_999;
  expect(await publish()).toBe(1);
  expect(asked).toEqual(["sms"]);

  delete errors["sms"];
  clock.now = 30_000;
  expect([await publish(), await publish()]).toEqual([0, 0]);
  expect(asked).toEqual(["sms", "sms", "sms"]);
});

test("a message that cannot be made fails its owner, and no others", async () => {
  const { asked, outbox } = setup({});
  const error = new PermanentError("too large");
  const broken = {
    owner: "a",
    message: () => {
      throw error;
    },
  };

  expect(await outbox.publish([broken, to("email", "b")], never)).toEqual(new Map([["a", error]]));
  expect(asked).toEqual(["email"]);
});

test("an interruption publishes nothing more", async () => {
  const { asked, outbox } = setup({});

  await expect(outbox.publish([to("email")], AbortSignal.abort())).rejects.toThrow("aborted");
  expect(asked).toEqual([]);
});
