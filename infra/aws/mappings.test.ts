import { expect, test } from "vitest";
import type { Declared } from "./declared.ts";
import { mappingsOf, type QueueEvent } from "./mappings.ts";

const broker = { arn: { Ref: "Broker" }, basicAuthArn: { Ref: "BrokerSecret" } };

function consumer(key: string, ...queues: Partial<QueueEvent>[]): Declared {
  const events = queues.map((queue) => ({ rabbitmq: { ...broker, ...queue } }));
  return { key, name: `warren-test-${key}`, events };
}

test("queues that differ only in punctuation have a mapping each", () => {
  const queues = [{ queue: "q1" }, { queue: "q-1" }, { queue: "q.1" }, { queue: "q_1" }];
  const made = mappingsOf([consumer("graph", ...queues)], []);
  expect(Object.values(made).map(({ Properties }) => Properties["Queues"])).toEqual([
    ["q1"],
    ["q-1"],
    ["q.1"],
    ["q_1"],
  ]);
});

test("functions whose names differ only in punctuation keep their mappings apart", () => {
  const both = [consumer("graph-a", { queue: "q" }), consumer("graph_a", { queue: "q" })];
  expect(Object.keys(mappingsOf(both, []))).toHaveLength(2);
});

test("one queue in two vhosts has a mapping each", () => {
  const queues = [
    { queue: "q", virtualHost: "a" },
    { queue: "q", virtualHost: "b" },
  ];
  expect(Object.keys(mappingsOf([consumer("graph", ...queues)], []))).toHaveLength(2);
});

test("the same queue twice is refused by name", () => {
  const twice = consumer("graph", { queue: "q" }, { queue: "q" });
  expect(() => mappingsOf([twice], [])).toThrow("graph has two mappings of q");
});

test("a window of 0 stays 0, and what is left out is left to Lambda", () => {
  const [mapping] = Object.values(
    mappingsOf([consumer("graph", { queue: "q", maximumBatchingWindow: 0 })], ["Setup"]),
  );
  expect(mapping).toEqual({
    Type: "AWS::Lambda::EventSourceMapping",
    DependsOn: ["Setup"],
    Properties: {
      FunctionName: { "Fn::GetAtt": ["GraphLambdaFunction", "Arn"] },
      EventSourceArn: {
        "Fn::If": ["MakeBroker", { "Fn::GetAtt": ["Broker", "Arn"] }, { Ref: "ExistingBrokerArn" }],
      },
      Queues: ["q"],
      SourceAccessConfigurations: [
        {
          Type: "BASIC_AUTH",
          URI: {
            "Fn::If": ["MakeBroker", { Ref: "BrokerSecret" }, { Ref: "ExistingBrokerSecretArn" }],
          },
        },
        { Type: "VIRTUAL_HOST", URI: { Ref: "Vhost" } },
      ],
      MaximumBatchingWindowInSeconds: 0,
    },
  });
});

test("a trigger that names a broker of its own keeps it, with filter and switch", () => {
  const own = {
    arn: "arn:aws:mq:eu-central-1:123456789012:broker:other:b-1",
    basicAuthArn: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other",
    virtualHost: "other",
    queue: "q",
    enabled: false,
    filterPatterns: [{ data: { type: ["order.created"] } }],
  };
  const [mapping] = Object.values(mappingsOf([consumer("graph", own)], []));
  expect(mapping?.Properties).toMatchObject({
    EventSourceArn: own.arn,
    SourceAccessConfigurations: [
      { Type: "BASIC_AUTH", URI: own.basicAuthArn },
      { Type: "VIRTUAL_HOST", URI: "other" },
    ],
    Enabled: false,
    FilterCriteria: { Filters: [{ Pattern: '{"data":{"type":["order.created"]}}' }] },
  });
});
