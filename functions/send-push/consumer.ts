import { type EventType, parserOf } from "../../events/catalogue.ts";

/** Bound to this function's queue (infra/rabbitmq). It asks itself for one send to each device. */
export const accepts = ["push.requested"] as const satisfies EventType[];

export const name = "send-push";

export const push = { name, concurrency: 16, parse: parserOf(accepts) };
