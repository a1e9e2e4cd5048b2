import { randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { lock, locked } from "./lock.ts";

test("who asks second waits until the first is done, also when it fails", async () => {
  const name = `/test/${randomUUID()}`;
  const seen: string[] = [];
  let waited = 0;
  const first = locked(name, async () => {
    seen.push("first begins");
    await new Promise((resolve) => void setTimeout(resolve, 20));
    seen.push("first ends");
    throw new Error("as planned");
  });
  const second = locked(
    name,
    async () => void seen.push("second"),
    () => void waited++,
  );

  await expect(first).rejects.toThrow("as planned");
  await second;
  expect(seen).toEqual(["first begins", "first ends", "second"]);
  expect(waited).toBe(1);
});

test("other names do not wait for each other", async () => {
  const release = await lock(`/${randomUUID()}`);
  expect(await locked(`/${randomUUID()}`, async () => "done")).toBe("done");
  await release();
});

test("a lock ends with the process that held it", async () => {
  const name = `/test/${randomUUID()}`;
  const module = new URL("lock.ts", import.meta.url).href;
  const script = `const { lock } = await import(${JSON.stringify(module)});
    await lock(${JSON.stringify(name)}); console.log("held"); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script]);
  await once(holder.stdout, "data");
  let waited = false;
  const ours = lock(name, () => {
    waited = true;
    holder.kill("SIGKILL");
  });
  await (
    await ours
  )();
  expect(waited).toBe(true);
});
