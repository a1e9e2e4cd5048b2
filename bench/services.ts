import { DEV } from "../infra/service/instance.ts";
import { status } from "../infra/local/status.ts";

/** The services of `npm start`, for benches: throws unless they run. */
export async function localServices() {
  const { services } = await status(DEV, process.env);
  const { rabbitmq, dynamodb, neo4j, redis, qdrant } = services;
  if (!rabbitmq?.management || !dynamodb || !neo4j || !redis || !qdrant) {
    throw new Error("not all services run: start them with `npm start`");
  }
  return {
    rabbitmq: { url: rabbitmq.url, management: rabbitmq.management },
    dynamodb,
    neo4j,
    redis,
    qdrant,
  };
}
