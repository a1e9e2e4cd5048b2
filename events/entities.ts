/** Every entity that events are about. A new one joins with a line here and nowhere else. */
export { customers } from "./customers.ts";
export { interactions } from "./interactions.ts";
export { orders } from "./orders.ts";
export { products } from "./products.ts";
export { recipients } from "./recipients.ts";
export { requests } from "./requests.ts";
export { users } from "./users.ts";
