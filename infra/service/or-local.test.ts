import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { orLocal } from "./or-local.ts";
import { qdrant } from "../qdrant/service.ts";

const HERE = { QDRANT_URL: "http://127.0.0.1:7", QDRANT_API_KEY: "of this one" };

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "warren-local-"));
  await mkdir(join(directory, "qdrant"));
  await writeFile(join(directory, "qdrant/given.json"), JSON.stringify(HERE));
});
afterAll(() => rm(directory, { recursive: true }));

test("a tool without an address takes the service that was started here", async () => {
  const env = { QDRANT_URL: "", EMBEDDER: "hashing" };
  expect(await orLocal(qdrant, env, directory)).toEqual({ EMBEDDER: "hashing", ...HERE });
});

test("a service of the environment is taken, and no key of another one", async () => {
  const env = { QDRANT_URL: "http://there:6333" };
  expect(await orLocal(qdrant, env, directory)).toEqual(env);
});

test("where nothing was started nothing is added", async () => {
  expect(await orLocal(qdrant, { A: "b" }, "/nonexistent/warren")).toEqual({ A: "b" });
});
