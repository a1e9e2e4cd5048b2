import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { arnOf, idOf } from "../../infra/aws/declared.ts";
import { run } from "../../infra/service/tools.ts";
import { readConsumers, ROOT } from "../../infra/rabbitmq/consumers.ts";
import { declarationOf, readDeclaration, type Trigger } from "../../lib/host/declaration.ts";
import { ofType, stackOf, STAGES } from "./stack.ts";

const declared = await readDeclaration(ROOT);
const queues = declared.flatMap(({ name, trigger }) =>
  trigger.kind === "queue" ? [{ name, trigger }] : [],
);

test.each(["prod", "local"])(
  "the host reads from serverless.yml what osls resolves for %s",
  async (stage) => {
    const osls = join(ROOT, "node_modules/.bin/osls");
    const env = { PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"]}` };
    const printed = await run(osls, ["print", "--stage", stage], {
      timeoutMs: 60_000,
      cwd: ROOT,
      env,
    });
    expect(declarationOf(parse(printed), ROOT)).toEqual(declared);
  },
);

test.each(STAGES)(
  "%s has one mapping for each declared queue, as the host would poll it",
  (stage) => {
    const mappings = ofType(stackOf(stage), "AWS::Lambda::EventSourceMapping");
    const found = mappings.map(([, { Properties }]) => ({
      FunctionName: Properties["FunctionName"],
      Queues: Properties["Queues"],
      BatchSize: Properties["BatchSize"] ?? 100,
      windowMs: Number(Properties["MaximumBatchingWindowInSeconds"] ?? 0.5) * 1_000,
    }));
    expect(found).toEqual(
      queues.map(
        ({ name, trigger }: { name: string; trigger: Extract<Trigger, { kind: "queue" }> }) => ({
          FunctionName: arnOf(idOf(name, "LambdaFunction")),
          Queues: [trigger.queue],
          BatchSize: trigger.batchSize,
          windowMs: trigger.windowMs,
        }),
      ),
    );
  },
);

test("every function has its handler, its time and its own zip", () => {
  const { Resources } = stackOf("prod");
  for (const { name, file, exported, timeoutMs } of declared) {
    const { Properties } = Resources[idOf(name, "LambdaFunction")]!;
    expect(Properties).toMatchObject({
      Handler: `${relative(ROOT, file).replace(/\.ts$/, "")}.${exported}`,
      Timeout: timeoutMs / 1_000,
      Architectures: ["arm64"],
      Runtime: "nodejs24.x",
    });
    expect(Properties["Code"]).toMatchObject({ S3Key: expect.stringMatching(`/${name}\\.zip$`) });
  }
});

test("every schedule is a rule that invokes its function", () => {
  const rules = ofType(stackOf("prod"), "AWS::Events::Rule").map(([, { Properties }]) => [
    Properties["ScheduleExpression"],
    (Properties["Targets"] as { Arn: unknown }[])[0]!.Arn,
  ]);
  const schedules = declared.filter(({ trigger }) => trigger.kind === "schedule");
  expect(rules).toHaveLength(schedules.length);
  for (const { name } of schedules) {
    expect(rules).toContainEqual([
      expect.stringMatching(/^rate\(/),
      arnOf(idOf(name, "LambdaFunction")),
    ]);
  }
});

test("the API takes events and recommends, and shows neither metrics nor health", () => {
  const routes = ofType(stackOf("prod"), "AWS::ApiGatewayV2::Route");
  expect(routes.map(([, { Properties }]) => Properties["RouteKey"])).toEqual([
    "POST /events",
    "GET /recommendations/{user_id}",
    "GET /search",
  ]);
});

test("functions and mappings wait for the setup, which knows all consumers", async () => {
  const stack = stackOf("prod");
  const { Setup, SetupLambdaFunction } = stack.Resources;
  expect(Setup!.Properties["Consumers"]).toEqual(await readConsumers());
  expect(SetupLambdaFunction!.DependsOn).not.toContain("Setup");
  const waiting = [
    ...ofType(stack, "AWS::Lambda::EventSourceMapping"),
    ...ofType(stack, "AWS::Lambda::Function").filter(([id]) => id !== "SetupLambdaFunction"),
  ];
  for (const [id, { DependsOn }] of waiting)
    expect([id, DependsOn]).toEqual([id, expect.arrayContaining(["Setup"])]);
});
