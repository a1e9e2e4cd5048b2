import {
  type Asked,
  type Change,
  type Claimed,
  type Completion,
  completeRows,
  type Done,
  type Ledger,
  RETENTION_DAYS,
  type Row,
  type Verdict,
} from "../../lib/ledger/ledger.ts";
import type { Bug } from "./bugs.ts";
import type { Chance } from "./random.ts";
import { DAY } from "./record.ts";
import type { Owner, Schedule } from "./schedule.ts";
import type { Switches } from "./switches.ts";

/** How old an addition is that an eventually consistent read may miss, ms. */
export const STALE_MS = 2_000;

/** A page of a done set: when each digest of an id was added, and whether rows are to be read as well. */
type Page = { ids: Map<string, Map<string, number>>; isMarked: boolean; expires: number };

/** One store for all processes; every request is a step of its process. */
export function simulatedLedger({
  time,
  random,
  bug,
  switches: { sets, lateWrites, coalesced },
  onClaim,
  onMissed,
}: {
  time: Schedule;
  random: Chance;
  bug: Bug | undefined;
  switches: Switches;
  onClaim: (owner: Owner, id: string, claim: Claimed) => void;
  /** A row that stands is not read, because its page is not marked. */
  onMissed: (id: string) => void;
}) {
  const rows = new Map<string, { row: Row; expires: number }>();
  const pages = new Map<string, Page>();
  let serial = 0;

  function rowAt(id: string): Row | undefined {
    const kept = rows.get(id);
    return kept !== undefined && kept.expires > time.now() ? kept.row : undefined;
  }

  function pageAt(slot: string): Page | undefined {
    const page = pages.get(slot);
    return page !== undefined && page.expires > time.now() ? page : undefined;
  }

  /** The page after a write to it, which prolongs its life. */
  function touched(slot: string): Page {
    const page = pageAt(slot) ?? { ids: new Map(), isMarked: false, expires: 0 };
    const days = bug === "set expires before the row" ? 5 : RETENTION_DAYS + 1;
    page.expires = time.now() + days * DAY;
    pages.set(slot, page);
    return page;
  }

  /** Two of three ids have a time in them, and so a page. */
  function slotOf(id: string): string | undefined {
    const digit = Number(id.slice(1));
    return sets === "none" || digit % 3 === 2 ? undefined : `page ${digit % 3}`;
  }

  function digestsAt(id: string, staleMs = 0): string[] {
    const slot = slotOf(id);
    const added = slot === undefined ? undefined : pageAt(slot)?.ids.get(id);
    return [...(added ?? [])].flatMap(([digest, at]) =>
      at <= time.now() - staleMs ? [digest] : [],
    );
  }

  /**
   * Two digests say that the id was used twice, also to the event that was first: were it told that it
   * is a duplicate, and the dead letter of the second was lost, then nobody would ever hear of it.
   */
  function asDone(digests: readonly string[], digest: string): Done | undefined {
    const found = digests.find((each) => each !== digest) ?? digests[0];
    return found === undefined ? undefined : { state: "done", rev: "set", digest: found };
  }

  function swapOne(owner: Owner, { key, over, to }: Change): Verdict {
    const row = rowAt(key.id);
    const isTakeover = row?.state === "claimed" && to?.state === "claimed";
    const isRelease = to === undefined || to.state === "forwarded";
    if (bug === "claims not released" && row?.state === "claimed" && to === undefined) {
      return { written: true };
    }
    const unfenced = bug === "unfenced release" && over?.state === "claimed" && isRelease;
    if (row?.rev !== over?.rev && !unfenced) {
      return row?.rev === to?.rev ? { written: true } : { written: false, row };
    }
    if (to === undefined) {
      rows.delete(key.id);
      return { written: true };
    }
    const kept =
      bug === "shared kept after takeover" && isTakeover && row.shared ? { shared: true } : {};
    const written = { ...to, ...kept } as Row;
    if (to.state === "claimed") onClaim(owner, key.id, to);
    rows.set(key.id, { row: written, expires: time.now() + RETENTION_DAYS * DAY });
    return { written: true };
  }

  /** What a process is told, if a mistake of reading is planted. */
  function seen(row: Row | undefined): Row | undefined {
    if (row?.state !== "claimed" || !row.shared) return row;
    if (bug === "crash counted on takeover of a shared claim") return { ...row, shared: false };
    if (bug === "another copy takes a running shared claim") return { ...row, until: 0 };
    return row;
  }

  function of(owner: Owner): Ledger {
    const ask = <T>(what: string, items: readonly { key: { id: string } }[], effect: () => T) => {
      const ids = items.map(({ key }) => key.id);
      return time.io({ owner, label: `${what} ${ids.join(" ")}`, ids }, effect);
    };

    /** A batch of statements is no transaction: a lost reply may hide any part of it. */
    function writeRows(changes: readonly Change[]): Promise<Verdict[]> {
      const label = `swap ${changes.map(({ key, to }) => `${key.id}:${textOf(to)}`).join(" ")}`;
      const ids = changes.map(({ key }) => key.id);
      const request = { owner, label, ids, mayBeLate: lateWrites };
      return time.io(request, (fault) => {
        if (fault === "none") return changes.map((change) => swapOne(owner, change));
        for (const change of changes) if (random.hits(0.7)) swapOne(owner, change);
        return [];
      });
    }

    const swap: Ledger["swap"] = async (changes) => {
      const marked = changes.filter(
        ({ key, to }) =>
          sets === "marked" &&
          slotOf(key.id) !== undefined &&
          (to?.state === "claimed" || to?.state === "forwarded"),
      );
      const mark = () =>
        ask("mark", marked, () => {
          for (const { key } of marked) touched(slotOf(key.id)!).isMarked = true;
        });
      if (marked.length > 0 && bug !== "mark after row") await mark();
      const verdicts = await writeRows(changes);
      if (marked.length > 0 && bug === "mark after row") await mark();
      return verdicts.map((verdict) =>
        verdict.written ? verdict : { written: false, row: seen(verdict.row) },
      );
    };

    async function look(events: readonly Asked[]): Promise<(Row | undefined)[]> {
      const found = new Map<Asked, Row | undefined>();
      let unmarked: readonly Asked[] = [];
      const inPages = events.filter(({ key }) => slotOf(key.id) !== undefined);
      if (inPages.length > 0) {
        await ask("read pages of", inPages, () => {
          const isStale = sets === "stale" && random.hits(0.5);
          for (const event of inPages) {
            const { key, digest, fresh } = event;
            const digests = digestsAt(key.id, fresh && isStale ? STALE_MS : 0);
            found.set(event, asDone(digests, digest));
          }
          unmarked = inPages.filter(
            ({ key, fresh }) =>
              sets === "marked" && fresh && pageAt(slotOf(key.id)!)?.isMarked !== true,
          );
          for (const { key } of unmarked) if (rowAt(key.id) !== undefined) onMissed(key.id);
        });
      }
      const open = events.filter(
        (event) => found.get(event) === undefined && !unmarked.includes(event),
      );
      if (open.length > 0) {
        await ask("read rows of", open, () => {
          for (const event of open) found.set(event, seen(rowAt(event.key.id)));
        });
      }
      return events.map((event) => found.get(event));
    }

    /** One request for each page: an addition that neither asks nor forgets anything. */
    async function add(changes: readonly Completion[]): Promise<(Done | undefined)[]> {
      const standing = new Map<Completion, Done>();
      const bySlot = Map.groupBy(changes, ({ key }) => slotOf(key.id)!);
      const additions = [...bySlot].map(async ([slot, ofPage]) => {
        const ids = ofPage.map(({ key }) => key.id);
        const request = { owner, label: `add ${ids.join(" ")}`, ids, mayBeLate: lateWrites };
        const write = () =>
          time.io(request, () => {
            const page = touched(slot);
            for (const change of ofPage) {
              const { digest } = change.to;
              const added = page.ids.get(change.key.id) ?? new Map<string, number>();
              if (!added.has(digest)) added.set(digest, time.now());
              page.ids.set(change.key.id, added);
              const other = [...added.keys()].find((each) => each !== digest);
              if (other === undefined) standing.delete(change);
              else standing.set(change, { state: "done", rev: "set", digest: other });
            }
          });
        // Whether it is repeated or thrown, nothing is acked before it is written.
        await write().catch((error: unknown) => {
          if (random.hits(0.5)) return write();
          throw error;
        });
      });
      const results = await Promise.allSettled(additions);
      const [failed] = results.filter(({ status }) => status === "rejected");
      if (failed?.status === "rejected" && bug !== "ack although a page failed") {
        throw failed.reason;
      }
      return changes.map((change) => standing.get(change));
    }

    /** After the addition a claim means nothing; if it stays, its TTL has it. */
    async function forgetClaims(changes: readonly Completion[]): Promise<void> {
      const claimed = changes.filter(({ over }) => over?.state === "claimed");
      const gone = claimed.map(({ key, over }): Change => ({ key, over, to: undefined }));
      if (gone.length > 0) await writeRows(gone).catch(() => undefined);
    }

    async function complete(changes: readonly Completion[]): Promise<(Done | undefined)[]> {
      const [inPages, inRows] = [true, false].map((isInPage) =>
        changes.filter(({ key }) => (slotOf(key.id) !== undefined) === isInPage),
      );
      const standing = new Map<Completion, Done | undefined>();
      const keep = (of: readonly Completion[], found: readonly (Done | undefined)[]) =>
        of.forEach((change, index) => standing.set(change, found[index]));
      if (inRows!.length > 0) keep(inRows!, await completeRows(swap)(inRows!));
      if (inPages!.length > 0) {
        keep(inPages!, await add(inPages!));
        await forgetClaims(inPages!);
      }
      return changes.map((change) => standing.get(change));
    }

    const ledger: Ledger = { look, swap, complete };
    return coalesced ? gathered(ledger, owner) : ledger;
  }

  /** What is asked about one event each goes in common requests: a failed one fails all who share it. */
  function gathered({ look, swap, complete }: Ledger, owner: Owner): Ledger {
    function one<Item extends { key: { id: string } }, Result>(
      work: (items: readonly Item[]) => Promise<Result[]>,
    ): (items: readonly Item[]) => Promise<Result[]> {
      let waiting: { items: Item[]; results: Promise<Result[]> } | undefined;
      return async (items) => {
        const [item] = items;
        if (item === undefined || items.length > 1) return work(items);
        if (waiting?.items.some(({ key }) => key.id === item.key.id) === true) return work(items);
        if (waiting === undefined) {
          const shared: Item[] = [];
          const gather = { owner, label: `gather ${++serial}`, ids: [] };
          const results = time
            .io(gather, () => void (waiting = undefined))
            .then(() => work(shared));
          waiting = { items: shared, results };
        }
        const index = waiting.items.push(item) - 1;
        return [(await waiting.results)[index]!];
      };
    }
    return { look: one(look), swap: one(swap), complete: one(complete) };
  }

  return {
    of,
    /** As the tool reads that prunes proofs: consistently, or what every look has to see. */
    isDone: (id: string, digest: string, staleMs = 0): boolean => {
      const row = rowAt(id);
      const isRow = row?.state === "done" && row.digest === digest;
      return isRow || digestsAt(id, staleMs).includes(digest);
    },
    knows: (id: string): boolean => rowAt(id) !== undefined || digestsAt(id).length > 0,
    rowAt,
    /** Ids that this process has claimed alone. */
    claimedAloneBy: (owner: Owner): string[] =>
      [...rows].flatMap(([id, { row }]) =>
        row.state === "claimed" && !row.shared && row.token.startsWith(`${owner.name}:`)
          ? [id]
          : [],
      ),
    /** Claims of ids of which no event is done: a row means nothing any more once the set has its id. */
    claims: (): string[] =>
      [...rows.keys()].filter((id) => rowAt(id)?.state === "claimed" && digestsAt(id).length === 0),
  };
}

function textOf(row: Row | undefined): string {
  if (row === undefined) return "-";
  if (row.state !== "claimed") return row.state;
  const { shared, sending, crashes } = row;
  const marks = [...(shared ? ["shared"] : []), ...(sending ? ["sending"] : [])];
  return ["claimed", ...marks, ...crashes.map(() => "crash")].join("+");
}
