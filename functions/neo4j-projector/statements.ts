import type { InteractionKind } from "./facts.ts";
import type { Rows } from "./projection.ts";

/**
 * The Cypher of each list of rows, in the order in which they run in one transaction.
 *
 * Neo4j reads committed data without locking. If a statement compared a value and then replaced it, two
 * transactions could overwrite each other. So all nodes are created or locked first, and the later
 * statements compare under these locks. All transactions lock in one order (users, orders, products and
 * so on, each sorted), so there are no deadlocks. `SET n += {}` only takes the node's write lock.
 */
export const statements: { [Name in keyof Rows]: string } = {
  users: lock("User", "user_id"),
  orders: lock("Order", "order_id"),
  products: lock("Product", "product_id"),
  payments: lock("Payment", "payment_id"),
  tickets: lock("Ticket", "ticket_id"),
  messages: lock("Message", "message_id"),

  customers: `
    UNWIND $rows AS row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.id})
    SET u:Customer`,

  userFields: setFields("User", "user_id"),

  // The node of a deleted product stays: older events are compared with its stamp, and it keeps the
  // interactions of users.
  productDeletions: `
    UNWIND $rows AS row
    MATCH (p:Product {tenant_id: row.tenant_id, product_id: row.id})
    WITH p, row WHERE row.stamp > coalesce(p.deleted_stamp, '')
    SET p.deleted_stamp = row.stamp,
        p.deleted_at = CASE WHEN any(c IN row.cleared WHERE p[c.guard] > row.stamp) THEN null ELSE row.at END
    FOREACH (c IN [c IN row.cleared WHERE p[c.guard] < row.stamp] | SET p += c.set)`,

  productFields: setFields("Product", "product_id", "REMOVE n.deleted_at"),

  paymentFields: setFields("Payment", "payment_id"),
  ticketFields: setFields("Ticket", "ticket_id"),

  orderStatuses: `${newest("Order", "order_id", "status_stamp")} SET n.status = row.status`,
  paymentStatuses: `${newest("Payment", "payment_id", "status_stamp")} SET n.status = row.status`,

  orderContents: `
    ${newest("Order", "order_id", "created_stamp")}
    SET n.total_minor = row.total_minor, n.currency = row.currency
    FOREACH (older IN [(:User)-[r:PLACED]->(n) | r] + [(n)-[r:CONTAINS]->(:Product) | r] | DELETE older)
    WITH n, row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.user_id})
    CREATE (u)-[:PLACED]->(n)
    WITH n, row
    UNWIND row.lines AS item
    MATCH (p:Product {tenant_id: row.tenant_id, product_id: item.product_id})
    CREATE (n)-[:CONTAINS {line: item.line, quantity: item.quantity, price_minor: item.price_minor}]->(p)`,

  paymentOrders: `
    ${newest("Payment", "payment_id", "order_stamp")}
    FOREACH (older IN [(n)-[r:FOR]->(:Order) | r] | DELETE older)
    WITH n, row
    MATCH (o:Order {tenant_id: row.tenant_id, order_id: row.order_id})
    CREATE (n)-[:FOR]->(o)`,

  ticketOwners: `
    ${newest("Ticket", "ticket_id", "opened_stamp")}
    FOREACH (older IN [(:User)-[r:OPENED]->(n) | r] | DELETE older)
    WITH n, row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.user_id})
    CREATE (u)-[:OPENED]->(n)`,

  ticketWatchers: `
    ${newest("Ticket", "ticket_id", "watchers_stamp")}
    FOREACH (older IN [(:User)-[r:WATCHES]->(n) | r] | DELETE older)
    WITH n, row
    UNWIND row.user_ids AS user_id
    MATCH (u:User {tenant_id: row.tenant_id, user_id: user_id})
    CREATE (u)-[:WATCHES]->(n)`,

  messagesSent: `
    ${newest("Message", "message_id", "sent_stamp")}
    SET n.sent_at = row.sent_at
    FOREACH (older IN [(:User)-[r:WROTE]->(n) | r] + [(n)-[r:ON]->(:Ticket) | r] | DELETE older)
    WITH n, row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.user_id})
    MATCH (t:Ticket {tenant_id: row.tenant_id, ticket_id: row.ticket_id})
    CREATE (u)-[:WROTE]->(n), (n)-[:ON]->(t)`,

  // A sum. Each event is added once, because its proof is in the same transaction.
  points: `
    UNWIND $rows AS row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.id})
    SET u.points = coalesce(u.points, 0) + row.points`,

  VIEWED: count("VIEWED"),
  ADDED_TO_CART: count("ADDED_TO_CART"),
  REMOVED_FROM_CART: count("REMOVED_FROM_CART"),
  PURCHASED: count("PURCHASED"),
  WISHLISTED: count("WISHLISTED"),
};

function lock(label: string, key: string): string {
  return `
    UNWIND $rows AS row
    MERGE (n:${label} {tenant_id: row.tenant_id, ${key}: row.id})
    SET n += {}`;
}

function setFields(label: string, key: string, also = ""): string {
  return `
    UNWIND $rows AS row
    MATCH (n:${label} {tenant_id: row.tenant_id, ${key}: row.id})
    FOREACH (field IN [f IN row.fields
        WHERE f.stamp > coalesce(n[f.guard], '') AND f.stamp > coalesce(n.deleted_stamp, '')] |
      SET n += field.set ${also})`;
}

/** Continues with the rows whose stamp is newer than the stored one, as `n` and `row`. */
function newest(label: string, key: string, guard: string): string {
  return `
    UNWIND $rows AS row
    MATCH (n:${label} {tenant_id: row.tenant_id, ${key}: row.id})
    WITH n, row WHERE row.stamp > coalesce(n.${guard}, '')
    SET n.${guard} = row.stamp`;
}

function count(kind: InteractionKind): string {
  const newer = "did.session_stamp > coalesce(r.last_session_stamp, '')";
  return `
    UNWIND $rows AS row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.id})
    UNWIND row.products AS did
    MATCH (p:Product {tenant_id: row.tenant_id, product_id: did.product_id})
    MERGE (u)-[r:${kind}]->(p)
    ON CREATE SET r.count = did.count, r.first_at = did.first_at, r.last_at = did.last_at,
      r.last_session = did.session, r.last_session_stamp = did.session_stamp
    ON MATCH SET r.count = r.count + did.count,
      r.first_at = CASE WHEN did.first_at < r.first_at THEN did.first_at ELSE r.first_at END,
      r.last_at = CASE WHEN did.last_at > r.last_at THEN did.last_at ELSE r.last_at END,
      r.last_session = CASE WHEN ${newer} THEN did.session ELSE r.last_session END,
      r.last_session_stamp = CASE WHEN ${newer} THEN did.session_stamp ELSE r.last_session_stamp END`;
}
