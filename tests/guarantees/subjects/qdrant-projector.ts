import type { PointKind } from "../../../functions/qdrant-projector/collections.ts";
import type { ProfilePayload } from "../../../functions/qdrant-projector/profiles.ts";
import { connect } from "../../../kit/qdrant/connect.ts";
import { aliasOf, pointId } from "../../../kit/qdrant/names.ts";
import { environment } from "../../integration/lane.ts";
import { tcpProxy } from "../../integration/tcp-proxy.ts";
import { type History, idOf, produced, sinkWire, type Stage, type Subject } from "../subject.ts";

export const qdrantProjector: Subject = {
  name: "qdrant-projector",
  sink: "Qdrant",
  proof:
    "the entity decides about the point's id; the worker reads, merges, writes under a revision guard and reads back; a profile contains each event once",
  vow: "once",
  open,
};

/** All events of a scenario belong to one user: concurrent writers of the profile must merge. */
const USER = "u";

async function open(): Promise<Stage> {
  const { QDRANT_URL: url, QDRANT_API_KEY: apiKey, QDRANT_PREFIX: prefix } = environment;
  const { hostname, port } = new URL(url!);
  const proxy = await tcpProxy({ host: hostname, port: Number(port || 6333) });
  const client = connect({ url: url!, apiKey });

  async function payloadOf(
    kind: PointKind,
    tenant: string,
    id: string,
  ): Promise<Record<string, unknown> | undefined> {
    const [point] = await client.retrieve(aliasOf(prefix ?? "warren", kind), {
      ids: [pointId(tenant, id)],
    });
    return point?.payload ?? undefined;
  }
  async function interactionsOf(tenant: string, user: string) {
    const payload = (await payloadOf("profile", tenant, user)) as ProfilePayload | undefined;
    return payload?.interactions ?? [];
  }

  // The server would accept all our writes, so the wire makes one invalid on its way.
  proxy.alter(
    (request) => request.includes("-refused") && request.includes('"points":'),
    (bytes) => Buffer.from(bytes.toString("latin1").replace('"points":', '"pointz":'), "latin1"),
  );

  return {
    environment: { QDRANT_URL: `http://127.0.0.1:${proxy.port}` },
    wire: sinkWire(
      proxy,
      (request, tenant) => /^(PUT|POST) \S+\/points[?/ ]/.test(request) && isWrite(request, tenant),
    ),
    events: async (tenant, count) =>
      Array.from({ length: count }, (_, n) =>
        produced(tenant, idOf(tenant, n), "interaction.viewed", { user_id: USER, product_id: "p" }),
      ),
    async effects(tenant) {
      const ids = (await interactionsOf(tenant, USER)).map(({ stamp }) => stamp.split("#")[1]!);
      return new Map([...Map.groupBy(ids, (id) => id)].map(([id, all]) => [id, all.length]));
    },
    async refused(tenant) {
      const id = `${tenant}-refused`;
      const product = { product_id: id, name: id, price: "1.00", currency: "EUR" };
      return { event: produced(tenant, id, "product.created", product), reason: "refused" };
    },
    history: {
      ...history,
      async state(tenant, entity) {
        const product = (await payloadOf("product", tenant, entity)) ?? {};
        const { name = null, category = null, description, presence } = product;
        const interactions = await interactionsOf(tenant, entity);
        const weights = interactions.map(({ weight }) => weight);
        return { product: { name, category, description, presence }, weights };
      },
    },
    async version() {
      const { version } = (await client.versionInfo()) as { version: string };
      return `Qdrant ${version}`;
    },
    close: () => proxy.close(),
  };
}

function isWrite(request: string, tenant: string): boolean {
  return request.includes(tenant) && request.includes('"payload"') && request.includes('"vector"');
}

/** A product that is created, changed, deleted and mentioned again, and what a user does with it. */
const history: Pick<History, "events" | "expected"> = {
  events(tenant, entity) {
    const product_id = entity;
    const by = { user_id: entity, product_id };
    const told: [string, Record<string, unknown>][] = [
      ["product.created", { product_id, name: "chair", price: "10.00", currency: "EUR" }],
      ["interaction.viewed", by],
      ["product.updated", { product_id, changes: { name: "stool", category: "seats" } }],
      ["product.price.changed", { product_id, new_price: "12.00", currency: "EUR" }],
      ["interaction.added_to_cart", by],
      ["product.deleted", { product_id }],
      ["product.updated", { product_id, changes: { description: "oak" } }],
      ["interaction.purchased", by],
    ];
    return told.map(([type, data], second) =>
      produced(tenant, `${tenant}-${entity}-${second}`, type, data, `2026-11-20T10:00:0${second}Z`),
    );
  },
  expected: {
    // No event has named it.
    product: { name: null, category: null, description: "oak", presence: "deleted" },
    weights: [1, 4, 8],
  },
};
