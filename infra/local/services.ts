import { dynamodb } from "../dynamodb/service.ts";
import { neo4j } from "../neo4j/service.ts";
import { providers } from "../providers/service.ts";
import { qdrant } from "../qdrant/service.ts";
import { rabbitmq } from "../rabbitmq/service.ts";
import { redis } from "../redis/service.ts";

/** The products that this machine can run. To add one, add a folder in infra/ and an entry here. */
export const services = { rabbitmq, dynamodb, neo4j, redis, qdrant, providers };
export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as ServiceName[];
