import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";
import { locked } from "../../infra/service/lock.ts";
import { exists, run, succeeds } from "../../infra/service/tools.ts";

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
const COMPLETE = join(OUTPUT, "complete");

/** What an earlier run packaged is of no use. */
export async function setup(): Promise<void> {
  await rm(OUTPUT, { recursive: true, force: true });
}

/** Packages every stage as a user does, unless another file of this run has. */
export async function packageAll(): Promise<void> {
  await locked(OUTPUT, async () => {
    if (await exists(COMPLETE)) return;
    await mkdir(OUTPUT, { recursive: true });
    const [first, ...others] = Object.entries(packagings);
    // The bundles are the same for all stages.
    await isolated(["npm", "run", "package", "--", ...first![1]]);
    await keep(first![0]);
    for (const [name, args] of others) {
      await isolated([join(ROOT, "node_modules/.bin/osls"), "package", ...args]);
      await keep(name);
    }
    await writeFile(COMPLETE, "");
  });
}

async function keep(name: string): Promise<void> {
  await copyFile(
    join(ROOT, ".serverless/cloudformation-template-update-stack.json"),
    templateOf(name),
  );
}

/** The CloudFormation template of a packaging, by its name above. */
export function templateOf(name: string): string {
  return join(OUTPUT, `${name}.json`);
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
