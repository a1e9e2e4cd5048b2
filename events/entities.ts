/** All entities of events. To add one, add a line here and nowhere else. */
export { customers } from "./customers.ts";
export { interactions } from "./interactions.ts";
export { messages } from "./messages.ts";
export { notifications } from "./notifications.ts";
export { orders } from "./orders.ts";
export { payments } from "./payments.ts";
export { products } from "./products.ts";
export { recipients } from "./recipients.ts";
export { requests } from "./requests.ts";
export { search } from "./search.ts";
export { tickets } from "./tickets.ts";
export { users } from "./users.ts";
