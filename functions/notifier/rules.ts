import { rule } from "./rule.ts";

/**
 * Who is notified of what, and how. A rule names an event, the kind (recipients opt out by it; also the
 * name of the template), the recipients, the channels of users, and the event's fields for the template.
 * docs/notifications.md says how to add one.
 */
export const rules = [
  rule("order.confirmed", {
    kind: "order.confirmed",
    to: ["customer"],
    channels: ["email", "telegram"],
    with: ["order_id"],
  }),
  rule("order.shipped", {
    kind: "order.shipped",
    to: ["customer"],
    channels: ["email", "sms", "push"],
    with: ["order_id", "tracking"],
  }),
  rule("order.refunded", {
    kind: "order.refunded",
    to: ["customer"],
    channels: ["email"],
    with: ["order_id", "amount", "currency", "reason"],
  }),
  rule("payment.failed", {
    kind: "payment.failed",
    to: ["customer"],
    channels: ["email", "push"],
    with: ["order_id", "amount", "currency"],
  }),
  rule("product.stock.low", {
    kind: "product.stock.low",
    to: ["shop"],
    channels: ["email"],
    with: ["product_id", "sku", "quantity", "threshold"],
  }),
  rule("ticket.created", {
    kind: "ticket.created",
    to: ["owner", "watchers"],
    channels: ["email"],
    with: ["ticket_id", "title", "description"],
  }),
  rule("ticket.status_changed", {
    kind: "ticket.status_changed",
    to: ["owner", "watchers"],
    channels: ["email", "push"],
    with: ["ticket_id", "old_status", "new_status"],
  }),
  rule("message.sent", {
    kind: "message.sent",
    to: ["watchers", "mentioned"],
    except: "author_id",
    channels: ["email", "push"],
    with: ["ticket_id", "author_id", "content"],
  }),
  // No rule for customer.created: a user who signs up and then buys would be welcomed twice.
  rule("user.signup", {
    kind: "welcome",
    to: ["user"],
    channels: ["email"],
    with: ["name"],
  }),
];
