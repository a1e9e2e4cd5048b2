import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeAll, expect, test, type TestContext } from "vitest";
import { MissingError, requirePrograms, run } from "../../infra/service/tools.ts";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";
import { metricsTable } from "../metrics-table.ts";
import { openShop } from "./live-shop.ts";
import { until } from "./rabbit-vhost.ts";

const folder = join(ROOT, "infra/prometheus");
let missing: string | undefined;

beforeAll(async () => {
  const promtool = { command: "promtool", args: ["--version"], debian: "prometheus" };
  const report = (text: string) => console.log(`promtool: ${text}`);
  try {
    await requirePrograms([promtool], { title: "promtool", report });
  } catch (error) {
    if (!(error instanceof MissingError)) throw error;
    missing = error.message;
  }
});

function requirePromtool(context: TestContext): void {
  context.skip(missing !== undefined, missing);
}

const promtool = (...args: string[]) => run("promtool", args, { timeoutMs: 60_000 });

test("Prometheus accepts the alert rules", async (context) => {
  requirePromtool(context);
  expect(await promtool("check", "rules", join(folder, "alerts.yml"))).toContain("SUCCESS");
});

test("the alert rules fire when they should, and only then", async (context) => {
  requirePromtool(context);
  const files = ["alerts.test.yml", "alerts-of-weeks.test.yml"].map((file) => join(folder, file));
  const said = await promtool("test", "rules", ...files);
  expect(said.match(/SUCCESS/g)).toHaveLength(2);
});

test("Prometheus reads a host's /metrics and has nothing to complain of; all is in the docs", async (context) => {
  requirePromtool(context);
  const shop = await openShop({ events: 50, args: ["queue-metrics"] });
  try {
    await shop.post({});
    let text = "";
    await until("events are counted", async () => {
      text = await (await shop.host.fetch("/metrics")).text();
      return (
        /^warren_outcomes_total{.*kind="done".*} [1-9]\d/m.test(text) &&
        text.includes("# TYPE warren_queue_consumers ")
      );
    });
    const families = [...text.matchAll(/^# TYPE (warren_\w+) (\w+)$/gm)];
    const listed = metricsTable().map(({ name, type }) => `${name} ${type}`);
    const seen = families.map(([, name, type]) => `${name} ${type}`);
    expect(seen.toSorted()).toEqual(listed.toSorted());

    const check = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
    const said: string[] = [];
    for (const stream of [check.stdout, check.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => said.push(chunk));
    }
    check.stdin.end(text);
    const [code] = (await once(check, "close")) as [number];
    expect({ code, said: said.join("") }).toEqual({ code: 0, said: "" });
  } finally {
    await shop.close();
  }
});
