import { expect, test } from "vitest";
import { compareGraphs, describe } from "./compare.ts";
import type { Dump } from "./graph.ts";

const graph: Dump = {
  nodes: [
    { labels: ["Product"], properties: { tenant_id: "t", product_id: "p" } },
    { labels: ["Customer", "User"], properties: { tenant_id: "t", user_id: "u", name: "Ada" } },
  ],
  relationships: [
    {
      type: "VIEWED",
      from: "User t u",
      to: "Product t p",
      properties: { count: 3, last_session: "s1" },
    },
    { type: "CONTAINS", from: "Order t o", to: "Product t p", properties: { line: 1 } },
    { type: "CONTAINS", from: "Order t o", to: "Product t p", properties: { line: 2 } },
  ],
};
const [product, user] = graph.nodes as [Dump["nodes"][0], Dump["nodes"][0]];
const [viewed, line1, line2] = graph.relationships;
const differences = (actual: Dump) => compareGraphs(graph, actual).differences;

test("equal graphs have no differences, and all of them is compared", () => {
  expect(compareGraphs(graph, structuredClone(graph))).toEqual({
    nodes: 2,
    relationships: 3,
    properties: 11,
    differences: [],
  });
});

test("names every property that differs, is missing or is too much", () => {
  const nodes = [product, { labels: ["User"], properties: { ...user.properties, name: "Eve" } }];
  const relationships = [
    { ...viewed!, properties: { count: 4, last_session: "s1", first_at: "now" } },
    line1!,
    line2!,
  ];
  expect(differences({ nodes, relationships })).toEqual([
    '(User t u): name is "Eve", expected "Ada"',
    '(User t u): labels is "User", expected "Customer,User"',
    "(User t u)-[VIEWED]->(Product t p): count is 4, expected 3",
    '(User t u)-[VIEWED]->(Product t p): first_at is "now", expected absent',
  ]);
});

test("names what is missing and what is not expected, also one of two alike", () => {
  const stranger = { labels: ["Order"], properties: { tenant_id: "t", order_id: "x" } };
  expect(
    differences({ nodes: [...graph.nodes, stranger], relationships: [viewed!, viewed!, line1!] }),
  ).toEqual([
    'not expected: (User t u)-[VIEWED]->(Product t p) {"count":3,"last_session":"s1"}',
    'missing: (Order t o)-[CONTAINS]->(Product t p) {"line":2}',
    'not expected: (Order t x) {"tenant_id":"t","order_id":"x","labels":"Order"}',
  ]);
});

test("describes the first differences and how many more there are", () => {
  const comparison = compareGraphs(graph, { nodes: [], relationships: [] });
  expect(describe(comparison, 1)).toBe(
    'missing: (Product t p) {"tenant_id":"t","product_id":"p","labels":"Product"}\nand 4 more',
  );
});
