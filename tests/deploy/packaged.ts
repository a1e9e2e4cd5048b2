import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { exists, type Program, requirePrograms, run, succeeds } from "../../infra/service/tools.ts";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The CloudFormation template of each packaging, by its name below. */
    templates: Record<PackagingName, string>;
    /** Folder of cfn-lint and checkov. */
    linters: string;
  }
}

/** Somebody's own broker and VPC, as docs/deploy.md names them. */
const EXISTING = {
  existingBrokerArn: "arn:aws:mq:eu-central-1:123456789012:broker:shared:b-0123456789abcdef",
  existingBrokerSecretArn:
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shared/broker-AbCdEf",
  existingBrokerEndpoint: "b-0123456789abcdef.mq.eu-central-1.on.aws:5671",
  existingBrokerSecurityGroupId: "sg-0123456789abcdef0",
  existingVpcId: "vpc-0123456789abcdef0",
  existingSubnetIds: "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
};

const packagings = {
  dev: ["--stage", "dev"],
  staging: ["--stage", "staging"],
  prod: ["--stage", "prod"],
  existing: [
    "--stage",
    "prod",
    ...Object.entries(EXISTING).flatMap(([name, value]) => ["--param", `${name}=${value}`]),
  ],
};
export type PackagingName = keyof typeof packagings;

const OUTPUT = join(ROOT, ".warren/deploy");
const TOOLS = join(ROOT, ".warren/tools");
const PYTHON: Program = {
  command: "python3",
  args: ["-c", "import venv, ensurepip"],
  debian: "python3-venv",
};

/** Packages every stage as a user does, and brings the linters. */
export async function setup(project: TestProject): Promise<void> {
  const linters = await bringLinters();
  await rm(OUTPUT, { recursive: true, force: true });
  await mkdir(OUTPUT, { recursive: true });

  const [first, ...others] = Object.entries(packagings);
  const templates: Record<string, string> = {};
  // The bundles are the same for all stages.
  await isolated(["npm", "run", "package", "--", ...first![1]]);
  templates[first![0]] = await keep(first![0]);
  for (const [name, args] of others) {
    await isolated([join(ROOT, "node_modules/.bin/osls"), "package", ...args]);
    templates[name] = await keep(name);
  }
  project.provide("templates", templates as Record<PackagingName, string>);
  project.provide("linters", linters);
}

/** With no variable of AWS', no home folder and, where the kernel lets us, no network. */
async function isolated([command = "", ...args]: string[]): Promise<void> {
  const bin = join(ROOT, "node_modules/.bin");
  const env = { PATH: `${bin}:${process.env["PATH"]}`, HOME: "/nonexistent" };
  const offline = (await succeeds("unshare", "-rn", "true")) ? ["unshare", "-rn"] : [];
  if (offline.length === 0) console.log("unshare -rn does not work here: packaged with a network");
  const [program = "", ...rest] = [...offline, command, ...args];
  await run(program, rest, { timeoutMs: 120_000, cwd: ROOT, env });
}

async function keep(name: string): Promise<string> {
  const made = join(ROOT, ".serverless/cloudformation-template-update-stack.json");
  const kept = join(OUTPUT, `${name}.json`);
  await copyFile(made, kept);
  return kept;
}

/** A virtual environment for each list of requirements; after the first time nothing is downloaded. */
async function bringLinters(): Promise<string> {
  const requirements = join(import.meta.dirname, "requirements.txt");
  const pinned = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  const folder = join(TOOLS, `cloudformation-${pinned.slice(0, 8)}`);
  const complete = join(folder, "complete");
  if (await exists(complete)) return join(folder, "bin");

  await requirePrograms([PYTHON], { title: "Python", report: console.log });
  await run("python3", ["-m", "venv", "--clear", folder], { timeoutMs: 120_000 });
  const pip = join(folder, "bin/pip");
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await run(pip, ["install", ...quiet, "-r", requirements], { timeoutMs: 600_000 });
  await writeFile(complete, "");
  return join(folder, "bin");
}
