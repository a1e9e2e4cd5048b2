import { expect, test } from "vitest";
import { arnOf } from "../../infra/aws/declared.ts";
import { directoryTable } from "../../infra/dynamodb/directory-table.ts";
import { keysTable } from "../../infra/dynamodb/keys-table.ts";
import { ledgerTable, TTL_ATTRIBUTE } from "../../infra/dynamodb/table.ts";
import { ofType, stackOf, STAGES } from "./stack.ts";

test.each(STAGES)("in %s everything that lies still is encrypted with the stack's key", (stage) => {
  const stack = stackOf(stage);
  for (const [id, { Properties }] of ofType(stack, "AWS::Logs::LogGroup")) {
    expect([id, Properties["KmsKeyId"]]).toEqual([id, arnOf("Key")]);
  }
  for (const [id, { Properties }] of ofType(stack, "AWS::Lambda::Function")) {
    expect([id, Properties["KmsKeyArn"]]).toEqual([id, arnOf("Key")]);
  }
  for (const [id, { Properties }] of ofType(stack, "AWS::DynamoDB::Table")) {
    const expected = { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: arnOf("Key") };
    expect([id, Properties["SSESpecification"]]).toEqual([id, expected]);
  }
  for (const [id, { Properties }] of ofType(stack, "AWS::SecretsManager::Secret")) {
    expect([id, Properties["KmsKeyId"]]).toEqual([id, arnOf("Key")]);
  }
  for (const [, { Properties }] of ofType(stack, "AWS::KMS::Key")) {
    expect(Properties["EnableKeyRotation"]).toBe(true);
  }
});

test.each([
  ["dev", 14],
  ["staging", 30],
  ["prod", 400],
] as const)("in %s every log is kept %i days", (stage, days) => {
  const groups = ofType(stackOf(stage), "AWS::Logs::LogGroup");
  const functions = ofType(stackOf(stage), "AWS::Lambda::Function");
  // Also the API's and the VPC's.
  expect(groups).toHaveLength(functions.length + 2);
  for (const [id, { Properties }] of groups)
    expect([id, Properties["RetentionInDays"]]).toEqual([id, days]);
});

test("the tables are those that `warren ledger|directory create` and `warren keys create-table` make", () => {
  const { LedgerTable, DirectoryTable, KeysTable } = stackOf("prod").Resources;
  expect(LedgerTable!.Properties).toMatchObject(ledgerTable("warren-prod-ledger"));
  expect(LedgerTable!.Properties).toMatchObject({
    TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
  });
  expect(DirectoryTable!.Properties).toMatchObject(directoryTable("warren-prod-directory"));
  expect(DirectoryTable!.Properties).not.toHaveProperty("TimeToLiveSpecification");
  expect(KeysTable!.Properties).toMatchObject(keysTable("warren-prod-keys"));
  // A key lasts until it is revoked.
  expect(KeysTable!.Properties).not.toHaveProperty("TimeToLiveSpecification");
});

test.each(STAGES)("in %s every table can be restored to any second", (stage) => {
  const tables = ofType(stackOf(stage), "AWS::DynamoDB::Table");
  expect(tables.length).toBeGreaterThan(0);
  for (const [id, { Properties }] of tables) {
    const expected = { PointInTimeRecoveryEnabled: true };
    expect([id, Properties["PointInTimeRecoverySpecification"]]).toEqual([id, expected]);
  }
});

test("removing the stack of prod leaves tables, broker, secret and key", () => {
  const stack = stackOf("prod");
  const tables = ofType(stack, "AWS::DynamoDB::Table");
  for (const id of [...tables.map(([id]) => id), "Broker", "BrokerSecret", "Key"]) {
    expect(stack.Resources[id]).toMatchObject({
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
    });
  }
  for (const [, { Properties }] of tables) {
    expect(Properties["DeletionProtectionEnabled"]).toBe(true);
  }
});

/** A table's name, and addresses that everybody knows. */
const NO_SECRETS = new Set(["API_KEYS_TABLE", "SMS_URL", "TELEGRAM_URL"]);

test("no template holds a secret: all are references that CloudFormation resolves", () => {
  for (const stage of STAGES) {
    const functions = ofType(stackOf(stage), "AWS::Lambda::Function");
    for (const [, { Properties }] of functions) {
      const { Variables } = Properties["Environment"] as { Variables: Record<string, unknown> };
      for (const [name, value] of Object.entries(Variables)) {
        if (!/URL|PASSWORD|USER|KEY|TOKEN|SECRET/.test(name)) continue;
        if (NO_SECRETS.has(name) || value === "") continue;
        const resolved = expect.stringContaining("{{resolve:s");
        expect([name, JSON.stringify(value)]).toEqual([name, resolved]);
      }
    }
  }
});

test("no function reads source maps: they double the import (docs/decisions/1)", () => {
  for (const stage of STAGES) {
    for (const [name, { Properties }] of ofType(stackOf(stage), "AWS::Lambda::Function")) {
      const { Variables } = Properties["Environment"] as { Variables: Record<string, unknown> };
      expect([name, Variables["NODE_OPTIONS"]]).toEqual([name, undefined]);
    }
  }
});

test("the broker is private and speaks TLS only", () => {
  const stack = stackOf("prod");
  expect(stack.Resources["Broker"]!.Properties).toMatchObject({ PubliclyAccessible: false });
  expect(JSON.stringify(stack)).not.toContain("amqp://");
  expect(JSON.stringify(stack)).toContain("amqps://{{resolve:secretsmanager:");
});

test("nothing in the VPC can be reached from outside of it", () => {
  const stack = stackOf("prod");
  const rules = [
    ...ofType(stack, "AWS::EC2::SecurityGroupIngress").map(([, { Properties }]) => Properties),
    ...ofType(stack, "AWS::EC2::SecurityGroup").flatMap(
      ([, { Properties }]) =>
        (Properties["SecurityGroupIngress"] ?? []) as Record<string, unknown>[],
    ),
  ];
  expect(rules.length).toBeGreaterThan(0);
  for (const rule of rules) {
    expect(rule).toHaveProperty("SourceSecurityGroupId");
    expect(rule).not.toHaveProperty("CidrIp");
  }
});
