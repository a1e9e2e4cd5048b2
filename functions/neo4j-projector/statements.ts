import type { InteractionKind } from "./facts.ts";
import type { Rows } from "./projection.ts";

/**
 * The Cypher of each list of rows, in the order in which they run in one transaction.
 *
 * Neo4j reads committed data without locking, so a value that is compared before it is replaced
 * would be lost between two transactions. Hence all nodes are created or locked first, in one order
 * (users, orders, products, each sorted), which also leaves no room for deadlocks; whatever follows
 * compares under those locks. `SET n += {}` changes nothing and takes the node's write lock.
 */
export const statements: { [Name in keyof Rows]: string } = {
  users: lock("User", "user_id"),
  orders: lock("Order", "order_id"),
  products: lock("Product", "product_id"),

  customers: `
    UNWIND $rows AS row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.id})
    SET u:Customer`,

  userFields: setFields("User", "user_id"),

  // A product of which nothing is newer than its deletion is gone, but its node stays: it keeps the
  // stamp that older events are compared with, and what people did with it.
  productDeletions: `
    UNWIND $rows AS row
    MATCH (p:Product {tenant_id: row.tenant_id, product_id: row.id})
    WITH p, row WHERE row.stamp > coalesce(p.deleted_stamp, '')
    SET p.deleted_stamp = row.stamp,
        p.deleted_at = CASE WHEN any(c IN row.cleared WHERE p[c.guard] > row.stamp) THEN null ELSE row.at END
    FOREACH (c IN [c IN row.cleared WHERE p[c.guard] < row.stamp] | SET p += c.set)`,

  productFields: setFields("Product", "product_id", "REMOVE n.deleted_at"),

  orderStatuses: `
    UNWIND $rows AS row
    MATCH (o:Order {tenant_id: row.tenant_id, order_id: row.id})
    WITH o, row WHERE row.stamp > coalesce(o.status_stamp, '')
    SET o.status = row.status, o.status_stamp = row.stamp`,

  orderContents: `
    UNWIND $rows AS row
    MATCH (o:Order {tenant_id: row.tenant_id, order_id: row.id})
    WITH o, row WHERE row.stamp > coalesce(o.created_stamp, '')
    SET o.created_stamp = row.stamp, o.total_minor = row.total_minor, o.currency = row.currency
    FOREACH (older IN [(:User)-[r:PLACED]->(o) | r] + [(o)-[r:CONTAINS]->(:Product) | r] | DELETE older)
    WITH o, row
    MATCH (u:User {tenant_id: row.tenant_id, user_id: row.user_id})
    CREATE (u)-[:PLACED]->(o)
    WITH o, row
    UNWIND row.lines AS item
    MATCH (p:Product {tenant_id: row.tenant_id, product_id: item.product_id})
    CREATE (o)-[:CONTAINS {line: item.line, quantity: item.quantity, price_minor: item.price_minor}]->(p)`,

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
