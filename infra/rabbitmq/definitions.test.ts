import { expect, test } from "vitest";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { readConsumers } from "./consumers.ts";
import { definitionsOf } from "./definitions.ts";
import definitions from "./definitions.json" with { type: "json" };

test("definitions.json is what the functions need (else: npx warren topology write)", async () => {
  const consumers = await readConsumers();
  const topology = topologyOf({ consumers, retryDelays: [5_000, 30_000, 300_000] });
  expect(definitions).toEqual(definitionsOf(topology));
});
