import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { environment } from "./lane.ts";
import { kill, restart, start } from "./services.ts";
import { TEST } from "../../infra/service/instance.ts";

test("nothing of the services listens on an address that others can reach", async () => {
  const addresses = await listeningOf(await pidsBelow(TEST));
  // Management, metrics, distribution, AMQP, port mapper; DynamoDB; Bolt; Redis; Qdrant.
  expect(addresses.length).toBeGreaterThanOrEqual(9);
  expect(addresses.filter((address) => !LOOPBACK.has(address))).toEqual([]);
});

test("a service that was killed comes back where it was, and is found when it runs", async () => {
  await kill("dynamodb");
  const again = await start("dynamodb");
  expect(environment).toMatchObject(again);
  expect(await start("dynamodb")).toEqual(again);
});

test("a graph that was stopped comes back with its address and its password", async () => {
  await restart("neo4j");
  expect(environment).toMatchObject(await start("neo4j"));
});

test("the broker is of the version that RABBITMQ_VERSION asks for", async () => {
  const { RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL } = environment;
  const { username, password } = new URL(RABBITMQ_URL!);
  const answer = await fetch(`${RABBITMQ_MANAGEMENT_URL}/api/overview`, {
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
    signal: AbortSignal.timeout(5_000),
  });
  const { rabbitmq_version } = (await answer.json()) as { rabbitmq_version: string };
  expect(rabbitmq_version).toMatch(process.env["RABBITMQ_VERSION"] ? /^4\./ : /^\d+\./);
});

/** As /proc/net writes them: hexadecimal, in words of the machine's byte order. */
const LOOPBACK = new Set([
  "0100007F",
  "00000000000000000000000001000000",
  // 127.0.0.1 of a socket that speaks IPv6 too.
  "0000000000000000FFFF00000100007F",
]);

/** The processes that the launcher noted in this folder, and their groups. */
async function pidsBelow(folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => basename(file) === "process.json",
  );
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  const leaders = new Set(texts.map((text) => String((JSON.parse(text) as { pid: number }).pid)));

  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const groups = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // proc(5): state, parent and group follow the name, which may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2] ?? "";
  });
  const found = await Promise.all(groups);
  return pids.filter((_, index) => leaders.has(found[index] ?? ""));
}

async function listeningOf(pids: readonly string[]): Promise<string[]> {
  const sockets = new Set((await Promise.all(pids.map(socketsOf))).flat());
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => readFile(file, "utf8"));
  const rows = (await Promise.all(tables)).flatMap((text) => text.trim().split("\n").slice(1));
  return rows.flatMap((row) => {
    // proc_net_tcp(5): local address, state (0A is LISTEN), inode.
    const fields = row.trim().split(/\s+/);
    const [address = ""] = (fields[1] ?? "").split(":");
    return fields[3] === "0A" && sockets.has(fields[9] ?? "") ? [address] : [];
  });
}

async function socketsOf(pid: string): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const links = names.map((name) => readlink(`${folder}/${name}`).catch(() => ""));
  return (await Promise.all(links)).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}
