import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, onTestFailed, test } from "vitest";
import { type SmtpEnd, smtpEnd } from "../../infra/providers/smtp-end.ts";
import { depths } from "../shop/queues.ts";
import { type Folder, hostFolder } from "../integration/host-process.ts";
import { environment } from "../integration/lane.ts";
import { QUEUE, request, sendersVhost, type SendersVhost } from "../integration/mail-requests.ts";
import { until } from "../integration/rabbit-vhost.ts";
import { LEDGER } from "../integration/services.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAILS = 2_000;
const KILLS = 20;
const WORKERS = 4;
/** Between taking a mail and saying so, ms: most kills meet mails in that state. */
const ANSWERS_AFTER = 60;
/** Half of it waits for leases to end. A machine that does other things too takes its time. */
const TEST_MS = 240_000;

/** A lease is the time-out and 30 s: what a kill interrupted is looked at again after that. */
const SERVERLESS = `
service: test
functions:
  send-email:
    handler: handler.handler
    timeout: 10
    events:
      - rabbitmq: { queue: ${QUEUE}, batchSize: 10 }
`;

let vhost: SendersVhost;
let folder: Folder;
let end: SmtpEnd;
afterEach(async () => {
  await folder.remove();
  await end.close();
  await vhost.remove();
});

test(
  "a mail sender that is killed twenty times in mid-batch loses no mail, and repeats none that it did not report",
  async ({ skip }) => {
    skip(LEDGER === "none", "senders do not start without a ledger");
    const taken: string[] = [];
    end = await smtpEnd({
      port: 0,
      async onMail(raw) {
        const [, id = "?"] = /^Message-ID: <(.+)\.[^.@]+@/m.exec(raw.toString()) ?? [];
        taken.push(id);
        await wait(ANSWERS_AFTER);
      },
    });
    vhost = await sendersVhost();
    folder = await hostFolder(SERVERLESS, {
      handler: `export * from "${ROOT}functions/send-email/handler.ts";`,
    });
    const tenant = `kill-${randomUUID().slice(0, 8)}`;
    const mails = Array.from({ length: MAILS }, (_, i) =>
      request("email", { address: `reader-${i}@example.org` }, { tenant }),
    );
    await vhost.publish(mails);

    const host = folder.start(["--admin-port", "0", "--workers", String(WORKERS)], {
      ...environment,
      RABBITMQ_URL: vhost.url,
      SMTP_URL: `smtp://warren:local@127.0.0.1:${end.port}?ignoreTLS=true`,
      MAIL_RATE: "40",
    });
    onTestFailed(() =>
      console.log(
        host
          .lines()
          .slice(-40)
          .map((line) => JSON.stringify(line))
          .join("\n"),
      ),
    );
    for (let kills = 0; kills < KILLS; kills += 1) {
      const before = taken.length;
      await until("mails go out", () => taken.length > before + 40, TEST_MS);
      const pids = (await host.status())?.functions["send-email"]?.pids ?? [];
      process.kill(pids[kills % pids.length]!, "SIGKILL");
    }
    const unique = () => new Set(taken).size;
    await until("every mail has come", () => unique() === MAILS, TEST_MS);
    const { url, managementUrl } = vhost;
    const isEmpty = async () =>
      [...(await depths({ url, managementUrl })).values()].every((count) => count === 0);
    await until("nothing is left to do", isEmpty, 60_000);

    const reports = host.lines().filter(({ outcome }) => outcome === "uncertain");
    const reported = new Set(reports.map(({ id }) => id));
    const repeated = taken.filter((id, index) => taken.indexOf(id) !== index);
    expect(unique()).toBe(MAILS);
    expect(repeated.filter((id) => !reported.has(id))).toEqual([]);
    expect(repeated.length).toBeLessThanOrEqual(reports.length);
    // Else the kills would have met nothing.
    expect(repeated.length).toBeGreaterThan(0);
    expect(await vhost.depth(`dead.${QUEUE}`)).toBe(0);
    // Nobody's address, and nothing of what was said.
    const said = JSON.stringify(host.lines());
    expect(said).not.toMatch(/reader-\d|on its way/);
    console.log(`${repeated.length} repeats, ${reports.length} reported as uncertain`);
  },
  TEST_MS,
);
