/** A mail server in a separate process: `node smtp-end.ts <ms>` accepts a mail after so many ms. */
import { setTimeout as wait } from "node:timers/promises";
import { smtpEnd } from "../infra/providers/smtp-end.ts";

const answersAfter = Number(process.argv[2]);
let count = 0;
const end = await smtpEnd({
  port: 0,
  async onMail() {
    if (answersAfter > 0) await wait(answersAfter);
    count += 1;
  },
});
process.on("message", () => process.send?.({ count }));
process.once("disconnect", () => process.exit(0));
process.send?.({ port: end.port });
