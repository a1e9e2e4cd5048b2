import { KEYS, type Dump, type DumpedNode, type Properties } from "./graph.ts";

type Comparison = {
  /** Of the expectation. */
  nodes: number;
  relationships: number;
  properties: number;
  /** One line for each thing that is missing, not expected, or has another value. */
  differences: string[];
};

type Thing = { name: string; properties: Properties };

/** Compares every node, label, relationship and property. Equal graphs have no differences. */
export function compareGraphs(expected: Dump, actual: Dump): Comparison {
  const wanted = thingsOf(expected);
  const found = thingsOf(actual);
  const names = new Set([...wanted.keys(), ...found.keys()]);
  const differences = [...names].flatMap((name) =>
    compareThings(name, wanted.get(name) ?? [], found.get(name) ?? []),
  );
  const all = [...wanted.values()].flat();
  return {
    nodes: expected.nodes.length,
    relationships: expected.relationships.length,
    properties: all.reduce((sum, properties) => sum + Object.keys(properties).length, 0),
    differences,
  };
}

/** The first of them, one a line, and how many more there are. */
export function describe({ differences }: Pick<Comparison, "differences">, limit = 20): string {
  const more = differences.length - limit;
  const lines = differences.slice(0, limit);
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}

/** Several things of one name are lines of an order with one product, or a mistake. */
function compareThings(name: string, wanted: Properties[], found: Properties[]): string[] {
  const differences: string[] = [];
  for (let i = 0; i < Math.max(wanted.length, found.length); i += 1) {
    const [want, have] = [wanted[i], found[i]];
    if (have === undefined) differences.push(`missing: ${name} ${JSON.stringify(want)}`);
    else if (want === undefined) differences.push(`not expected: ${name} ${JSON.stringify(have)}`);
    else differences.push(...compareProperties(name, want, have));
  }
  return differences;
}

function compareProperties(name: string, want: Properties, have: Properties): string[] {
  const keys = new Set([...Object.keys(want), ...Object.keys(have)]);
  return [...keys]
    .filter((key) => want[key] !== have[key])
    .map((key) => `${name}: ${key} is ${text(have[key])}, expected ${text(want[key])}`);
}

/** Dumps are sorted, so equal things of one name meet. */
function thingsOf({ nodes, relationships }: Dump): Map<string, Properties[]> {
  const things: Thing[] = [
    ...nodes.map((node) => ({
      name: nameOf(node),
      properties: { ...node.properties, labels: node.labels.join() },
    })),
    ...relationships.map(({ type, from, to, properties }) => ({
      name: `(${from})-[${type}]->(${to})`,
      properties,
    })),
  ];
  const byName = new Map<string, Properties[]>();
  for (const { name, properties } of things) {
    const same = byName.get(name);
    if (same) same.push(properties);
    else byName.set(name, [properties]);
  }
  return byName;
}

function nameOf({ labels, properties }: DumpedNode): string {
  const [label, key] = Object.entries(KEYS).find(([one]) => labels.includes(one)) ?? [];
  if (key === undefined) return `(${labels.join()} ${JSON.stringify(properties)})`;
  return `(${label} ${properties["tenant_id"]} ${properties[key]})`;
}

function text(value: string | number | undefined): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}
