import { expect, test } from "vitest";
import { rolesOf } from "./roles.ts";

const mails = { key: "mails", name: "warren-dev-mails", events: [] };
const topic = { Sid: "Topic", Effect: "Allow", Action: ["sns:Publish"], Resource: "a" } as const;

test("a function's role has what it declares behind what all have", () => {
  const { MailsRole } = rolesOf([{ ...mails, permissions: [topic] }]);
  const [{ PolicyDocument } = { PolicyDocument: undefined }] = MailsRole!.Properties[
    "Policies"
  ] as { PolicyDocument: { Statement: unknown[] } }[];
  expect(PolicyDocument!.Statement.at(-1)).toEqual(topic);
});

test("refuses a statement that IAM would find twice", () => {
  expect(() => rolesOf([{ ...mails, permissions: [topic, topic] }])).toThrow(
    "mails has two statements Topic",
  );
});
