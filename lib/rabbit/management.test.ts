import { expect, test } from "vitest";
import { managementUrlOf, vhostOf } from "./management.ts";

test.each([
  ["amqp://h", "/"],
  ["amqp://h/", "/"],
  ["amqp://h/%2f", "/"],
  ["amqps://u:p@h:5671/shop?heartbeat=5", "shop"],
])("the vhost of %s is %s", (url, vhost) => {
  expect(vhostOf(url)).toBe(vhost);
});

test.each([
  ["amqps://u:p@b-1.mq.eu-central-1.on.aws:5671", "https://b-1.mq.eu-central-1.on.aws"],
  ["amqp://u:p@rabbit:5673/shop", "http://rabbit:15672"],
])("the management API of %s is at %s", (url, managementUrl) => {
  expect(managementUrlOf(url)).toBe(managementUrl);
});
