/**
 * What must be unique, or two workers would each make a node of their own. infra/neo4j applies it;
 * the function refuses to start without it. Property uniqueness is in every edition of Neo4j.
 */
export const constraints = [
  { name: "warren_user", label: "User", properties: ["tenant_id", "user_id"] },
  { name: "warren_order", label: "Order", properties: ["tenant_id", "order_id"] },
  { name: "warren_product", label: "Product", properties: ["tenant_id", "product_id"] },
  { name: "warren_payment", label: "Payment", properties: ["tenant_id", "payment_id"] },
  { name: "warren_ticket", label: "Ticket", properties: ["tenant_id", "ticket_id"] },
  { name: "warren_message", label: "Message", properties: ["tenant_id", "message_id"] },
  { name: "warren_applied_event", label: "AppliedEvent", properties: ["key"] },
] as const;

export type Constraint = (typeof constraints)[number];

/** Changes nothing where the same constraint stands, under whatever name. */
export function createConstraint({ name, label, properties }: Constraint): string {
  const unique = properties.map((property) => `n.${property}`).join(", ");
  return `CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:${label}) REQUIRE (${unique}) IS UNIQUE`;
}

export const listConstraints = `
  SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties
  WHERE type ENDS WITH 'UNIQUENESS' OR type = 'NODE_KEY'
  RETURN labelsOrTypes AS labels, properties`;

export type PresentConstraint = { labels: string[]; properties: string[] };

/** Those that are not in a result of `listConstraints`. */
export function missingFrom(present: readonly PresentConstraint[]): Constraint[] {
  const text = (label: string, properties: readonly string[]) =>
    `${label}(${properties.join(",")})`;
  const there = new Set(
    present.flatMap(({ labels, properties }) => labels.map((label) => text(label, properties))),
  );
  return constraints.filter(({ label, properties }) => !there.has(text(label, properties)));
}
