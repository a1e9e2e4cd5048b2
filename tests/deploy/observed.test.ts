import { expect, test } from "vitest";
import { idOf } from "../../infra/aws/declared.ts";
import { readConsumers, ROOT } from "../../infra/rabbitmq/consumers.ts";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { ofType, stackOf, STAGES } from "./stack.ts";

const functions = (await readDeclaration(ROOT)).map(({ name }) => name);
const { queues } = topologyOf({
  consumers: await readConsumers(),
  // As serverless.yml has them.
  retryDelays: [5_000, 30_000, 300_000],
});

test.each(STAGES)("in %s every function and every queue has an alarm and a widget", (stage) => {
  const stack = stackOf(stage);
  const alarms = ofType(stack, "AWS::CloudWatch::Alarm").map(([, { Properties }]) =>
    JSON.stringify(Properties),
  );
  const [[, dashboard] = []] = ofType(stack, "AWS::CloudWatch::Dashboard");
  const body = dashboard!.Properties["DashboardBody"] as { "Fn::Sub": string };
  const widgets = body["Fn::Sub"];

  for (const name of functions) {
    const ref = `{"Ref":"${idOf(name, "LambdaFunction")}"}`;
    expect([name, alarms.filter((alarm) => alarm.includes(ref)).length > 0]).toEqual([name, true]);
    expect([name, widgets.includes(`\${${idOf(name, "LambdaFunction")}}`)]).toEqual([name, true]);
  }
  for (const { name } of queues) {
    const about = alarms.filter((alarm) => alarm.includes(`"Value":"${name}"`));
    expect([name, about.length > 0]).toEqual([name, true]);
    expect([name, widgets.includes(`"${name}"`)]).toEqual([name, true]);
  }
});

test("every alarm speaks to the topic", () => {
  for (const [id, { Properties }] of ofType(stackOf("prod"), "AWS::CloudWatch::Alarm")) {
    expect([id, Properties["AlarmActions"]]).toEqual([id, [{ Ref: "AlarmTopic" }]]);
  }
});
