import type { Subject } from "../subject.ts";
import { contacts } from "./contacts.ts";
import { neo4jProjector } from "./neo4j-projector.ts";
import { notifier } from "./notifier.ts";
import { qdrantProjector } from "./qdrant-projector.ts";
import { sendEmail, sendPush, sendSms, sendTelegram } from "./senders.ts";

/** One per function of serverless.yml with a queue; measure.ts names missing ones. */
export const subjects: readonly Subject[] = [
  neo4jProjector,
  qdrantProjector,
  contacts,
  notifier,
  sendEmail,
  sendSms,
  sendPush,
  sendTelegram,
];
