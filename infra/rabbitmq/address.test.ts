import { expect, test } from "vitest";
import { brokerAddress } from "./address.ts";

const NOWHERE = "/nonexistent/warren";

test("a broker of the environment is taken", async () => {
  const env = { RABBITMQ_URL: "amqp://there", RABBITMQ_MANAGEMENT_URL: "" };
  expect(await brokerAddress(env, NOWHERE)).toEqual({
    url: "amqp://there",
    managementUrl: undefined,
  });
});

test("who has neither started nor named a broker hears of both", async () => {
  await expect(brokerAddress({}, NOWHERE)).rejects.toThrow(
    "No broker found. Set RABBITMQ_URL, or run `npm start` (`npm run status` shows what runs).",
  );
});

test("a broker that is given by halves is a wrong configuration", async () => {
  const env = { rabbitmq_hostname: "there" };
  await expect(brokerAddress(env, NOWHERE)).rejects.toThrow("rabbitmq_user, rabbitmq_password");
});
