import type { Neo4jSchema } from "../../kit/neo4j/constraints.ts";

/**
 * Without these two workers would each create a node of their own. infra/neo4j creates them; the
 * function refuses to start without them.
 */
export const neo4j = {
  constraints: [
    { name: "warren_user", label: "User", properties: ["tenant_id", "user_id"] },
    { name: "warren_order", label: "Order", properties: ["tenant_id", "order_id"] },
    { name: "warren_product", label: "Product", properties: ["tenant_id", "product_id"] },
    { name: "warren_payment", label: "Payment", properties: ["tenant_id", "payment_id"] },
    { name: "warren_ticket", label: "Ticket", properties: ["tenant_id", "ticket_id"] },
    { name: "warren_message", label: "Message", properties: ["tenant_id", "message_id"] },
    { name: "warren_applied_event", label: "AppliedEvent", properties: ["key"] },
  ],
} satisfies Neo4jSchema;
