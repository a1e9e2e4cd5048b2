import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type Change,
  type Directory,
  type Key,
  MAX_DOCUMENT_BYTES,
} from "../../kit/people/directory.ts";

/**
 * What every directory promises (kit/people/directory.ts), as one suite for all implementations.
 * `open` opens one more to the same documents, as another process does.
 */
export function directoryContract(name: string, open: () => Directory): void {
  describe(`${name} keeps the directory's promises:`, () => {
    const never = new AbortController().signal;
    const at = (second: number) =>
      `2026-11-20T10:00:${String(second).padStart(2, "0")}.000000Z#evt`;
    const said = (second: number, value: unknown) => ({ stamp: at(second), value });

    // A new tenant for each test, since the store is shared and stays.
    let tenant: string;
    let directory: Directory;
    beforeEach(() => {
      tenant = `t-${randomUUID()}`;
      directory = open();
    });
    const user = (id: string): Key => ({ tenant, kind: "user", id });
    const merge = (key: Key, fields: Change["fields"]) => directory.merge([{ key, fields }], never);
    const read = async (key: Key) => (await directory.read([key], never))[0];

    test("reads one document or none per key, in the order of the keys, also twice", async () => {
      await merge(user("a"), { email: said(1, "a@example.com") });
      await merge(user("b"), { email: said(1, null) });

      const a = { email: said(1, "a@example.com") };
      const b = { email: said(1, null) };
      const keys = ["b", "absent", "a", "b"].map(user);
      expect(await directory.read(keys, never)).toEqual([b, undefined, a, b]);
    });

    test("reads nothing and merges nothing when asked for nothing", async () => {
      expect(await directory.read([], never)).toEqual([]);
      expect(await directory.merge([], never)).toEqual([]);
    });

    test("keeps the newer of each field, whatever comes first", async () => {
      await merge(user("a"), { email: said(2, "new"), phone: said(1, "old") });
      await merge(user("a"), { email: said(1, "old"), phone: said(2, null), name: said(1, "A") });

      expect(await read(user("a"))).toEqual({
        email: said(2, "new"),
        phone: said(2, null),
        name: said(1, "A"),
      });
    });

    test("merges several changes of one document in one call", async () => {
      const changes = [3, 1, 2].map((n) => ({ key: user("a"), fields: { email: said(n, n) } }));

      expect(await directory.merge(changes, never)).toEqual([]);

      expect(await read(user("a"))).toEqual({ email: said(3, 3) });
    });

    test("takes any JSON for a value", async () => {
      const value = [{ endpoint: "https://push.example/1", keys: { auth: "ü", p256dh: "" } }];
      await merge(user("a"), { push_subscriptions: said(1, value) });

      expect(await read(user("a"))).toEqual({ push_subscriptions: said(1, value) });
    });

    test("tells documents apart by tenant, kind and id, whatever separators are in them", async () => {
      const keys: Key[] = [
        { tenant, kind: "user", id: "a#b" },
        { tenant, kind: "order", id: "a#b" },
        { tenant: `${tenant}.x`, kind: "user", id: "a#b" },
        { tenant, kind: "user", id: "a%23b" },
        { tenant, kind: "user", id: "𝕌".repeat(200) },
      ];
      await directory.merge(
        keys.map((key, n) => ({ key, fields: { n: said(1, n) } })),
        never,
      );

      const documents = await directory.read(keys, never);
      expect(documents).toEqual(keys.map((_, n) => ({ n: said(1, n) })));
    });

    test("loses nothing of many who merge into the same documents at once", async () => {
      const directories = Array.from({ length: 6 }, open);
      await Promise.all(
        directories.map((each, n) =>
          each.merge(
            Array.from({ length: 30 }, (_, id) => ({
              key: user(`u${id}`),
              fields: { [`field${n}`]: said(1, n), shared: said(n, n) },
            })),
            never,
          ),
        ),
      );

      const keys = Array.from({ length: 30 }, (_, id) => user(`u${id}`));
      const own = Object.fromEntries(directories.map((_, n) => [`field${n}`, said(1, n)]));
      expect(await directory.read(keys, never)).toEqual(
        keys.map(() => ({ ...own, shared: said(5, 5) })),
      );
    });

    test("reads and merges more documents than go into one request", async () => {
      const changes = Array.from({ length: 260 }, (_, n) => ({
        key: user(`u${n}`),
        fields: { n: said(1, n) },
      }));

      expect(await directory.merge(changes, never)).toEqual([]);

      const documents = await directory.read(
        changes.map(({ key }) => key),
        never,
      );
      expect(documents).toEqual(changes.map(({ fields }) => fields));
    });

    test("leaves out what would make a document too large, and merges the rest", async () => {
      const half = "x".repeat(MAX_DOCUMENT_BYTES / 2);
      await merge(user("a"), { name: said(1, half) });
      const tooLarge = { key: user("a"), fields: { phone: said(2, half) } };
      const fits = { key: user("b"), fields: { phone: said(2, half) } };

      const leftOut = await directory.merge([tooLarge, fits], never);

      expect(leftOut).toEqual([{ change: tooLarge, why: "too large" }]);

      expect(await read(user("a"))).toEqual({ name: said(1, half) });
      expect(await read(user("b"))).toEqual({ phone: said(2, half) });
    });

    test("leaves out what another event says under an id that the document knows", async () => {
      const stamped = (id: string, source: string, digest: string) =>
        `2026-11-20T10:00:00.000000Z#${id}#${source}#${digest}`;
      const change = (stamp: string, name: string) => ({
        key: user("a"),
        fields: { [name]: { stamp, value: name } },
      });
      const first = change(stamped("evt_1", "shop", "d1"), "name");
      const reused = change(stamped("evt_1", "shop", "d2"), "phone");
      const ofOther = change(stamped("evt_1", "crm", "d3"), "email");

      expect(await directory.merge([first], never)).toEqual([]);
      expect(await directory.merge([reused, ofOther, first], never)).toEqual([
        { change: reused, why: "id reused" },
      ]);
      expect(await read(user("a"))).toEqual({ ...first.fields, ...ofOther.fields });
    });

    test("can be probed", async () => {
      await expect(directory.probe(never)).resolves.toBeUndefined();
      await expect(directory.probe(never)).resolves.toBeUndefined();
    });
  });
}
