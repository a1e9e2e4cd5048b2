import * as z from "zod";

export const graphVariables = {
  NEO4J_URL: z
    .url({ protocol: /^(bolt|neo4j)(\+s|\+ssc)?$/, error: "must be a bolt:// or neo4j:// URL" })
    .describe("Neo4j's address: `bolt:` for one server, `neo4j:` for a cluster, `+s` for TLS"),
  NEO4J_USER: z.string().describe("Neo4j user"),
  NEO4J_PASSWORD: z.string().describe("Neo4j password"),
};
