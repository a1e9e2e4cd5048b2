import { expect, test } from "vitest";
import { readConfig } from "../../lib/config.ts";
import { config } from "./config.ts";

const given = { RABBITMQ_URL: "amqp://broker" };

test("API keys are in a file or in a table", () => {
  expect(readConfig(config, { ...given, API_KEYS_FILE: "keys.json" }).keys).toEqual({
    file: "keys.json",
  });
  expect(readConfig(config, { ...given, API_KEYS_TABLE: "keys", API_KEYS_FILE: "" }).keys).toEqual({
    table: "keys",
  });
});

test("one of them must be given, and only one", () => {
  expect(() => readConfig(config, given)).toThrow(
    "Bad configuration:\n  API_KEYS_FILE or API_KEYS_TABLE: is required",
  );
  expect(() =>
    readConfig(config, { ...given, API_KEYS_FILE: "keys.json", API_KEYS_TABLE: "keys" }),
  ).toThrow("API_KEYS_TABLE: must not be set together with API_KEYS_FILE");
});
