import type { Received } from "../../infra/providers/received.ts";
import type { ExpectedMessage } from "./messages.ts";

/** What is missing, too many or too much of what came; empty if all is as expected. */
export function compareMessages(
  expected: readonly ExpectedMessage[],
  received: readonly Received[],
): string[] {
  const differences: string[] = [];
  const left = Map.groupBy(received, addressOf);
  const ids = received.flatMap(({ id }) => id ?? []);
  for (const [id, some] of Map.groupBy(ids, (id) => id)) {
    if (some.length > 1) differences.push(`came ${some.length} times: ${id}`);
  }
  // The sure ones first: one that may be missing must not take the message of one that may not.
  for (const one of expected.toSorted((a, b) => Number(b.sure) - Number(a.sure))) {
    if (!takeFrom(left, one) && one.sure) {
      differences.push(`missing: ${one.channel}, ${one.because}`);
    }
  }
  for (const { channel, to, subject, text } of [...left.values()].flat()) {
    differences.push(`unexpected: ${channel} to ${to}, ${subject ?? text ?? "unreadable"}`);
  }
  return differences;
}

function takeFrom(left: Map<string, Received[]>, { channel, to, says }: ExpectedMessage): boolean {
  for (const address of to) {
    const some = left.get(addressOf({ channel, to: address })) ?? [];
    const index = some.findIndex(({ subject, text }) =>
      says.test(`${subject ?? ""}\n${text ?? ""}`),
    );
    if (index >= 0) {
      some.splice(index, 1);
      return true;
    }
  }
  return false;
}

function addressOf({ channel, to }: Pick<Received, "channel" | "to">): string {
  return `${channel} ${to}`;
}
