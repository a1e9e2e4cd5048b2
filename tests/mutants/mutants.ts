/** One fence of lib/pipeline, broken: `from` occurs once in `file` and becomes `to`. */
export type Mutant = { name: string; file: string; from: string; to: string };

const claims = "lib/pipeline/claims.ts";
const decide = "lib/pipeline/decide.ts";
const alone = "lib/pipeline/alone.ts";
const group = "lib/pipeline/group.ts";
const batch = "lib/pipeline/process-batch.ts";
const settle = "lib/pipeline/settle.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a mark is written over anybody's claim",
    file: claims,
    from: "const marked = await amendOwn(claim, (row) => ({ ...row, rev: nonce(), sending: true }));",
    to: `await amend([claim.letter], (row) => ({ ...(row as Claimed), rev: nonce(), sending: true }));
    const marked = true;`,
  },
  {
    name: "a mark under a lost claim does not throw",
    file: claims,
    from: 'if (!marked) throw new LostClaimError("the claim was lost before the send");',
    to: "",
  },
  {
    name: "a sender completes over anybody's claim",
    file: claims,
    from: "if (claim !== undefined && (await amendOwn(claim, toDone, insist))) return;",
    to: `if (claim !== undefined) {
      await amend([claim.letter], (row) => toDone(row as Claimed), insist);
      return;
    }`,
  },
  {
    name: "a sender that completes under a lost claim does not throw",
    file: claims,
    from: 'throw new LostClaimError("the claim was lost before the send was recorded");',
    to: "",
  },
  {
    name: "a sender records a send once, without insisting",
    file: claims,
    from: "(await amendOwn(claim, toDone, insist))",
    to: "(await amendOwn(claim, toDone))",
  },
  {
    name: "forwarded is written over anybody's claim",
    file: claims,
    from: "const ours = await amendOwn(claim, (row) => forwarded(row.digest, rank));",
    to: `await amend([claim.letter], () => forwarded(claim.letter.received.digest, rank));
    const ours = true;`,
  },
  {
    name: "a copy is published under a lost claim",
    file: claims,
    from: 'throw new LostClaimError("the claim was lost before the outcome could be published");',
    to: "",
  },
  {
    name: "no claim is checked before a copy is published",
    file: settle,
    from: "if (one.claim !== undefined) await claims.check(one.claim);",
    to: "",
  },
  {
    name: "done is written over the done of another event",
    file: "lib/ledger/ledger.ts",
    from: 'if (verdict.row?.state !== "done") return [{ change, over: verdict.row }];',
    to: "return [{ change, over: verdict.row }];",
  },
  {
    name: "a group writes forwarded over no row only",
    file: claims,
    from: "return row === undefined || lower ? forwarded(digest, rank) : stay;",
    to: "return row === undefined ? forwarded(digest, rank) : stay;",
  },
  {
    name: "a group writes forwarded over lower rows only",
    file: claims,
    from: "return row === undefined || lower ? forwarded(digest, rank) : stay;",
    to: "return lower ? forwarded(digest, rank) : stay;",
  },
  {
    name: "a group writes forwarded over claims",
    file: claims,
    from: 'row?.state === "forwarded" && row.digest === digest && compareRank(row, rank) < 0;',
    to: `row !== undefined && row.digest === digest &&
        (row.state === "claimed" || (row.state === "forwarded" && compareRank(row, rank) < 0));`,
  },
  {
    name: "a group writes forwarded over done",
    file: claims,
    from: 'row?.state === "forwarded" && row.digest === digest && compareRank(row, rank) < 0;',
    to: `row !== undefined && row.digest === digest &&
        (row.state === "done" || (row.state === "forwarded" && compareRank(row, rank) < 0));`,
  },
  {
    name: "a group writes forwarded over the row of another event",
    file: claims,
    from: 'row?.state === "forwarded" && row.digest === digest && compareRank(row, rank) < 0;',
    to: 'row?.state === "forwarded" && compareRank(row, rank) < 0;',
  },
  {
    name: "a group writes forwarded over a higher row",
    file: claims,
    from: 'row?.state === "forwarded" && row.digest === digest && compareRank(row, rank) < 0;',
    to: 'row?.state === "forwarded" && row.digest === digest;',
  },
  {
    name: "a change whose row has changed is not repeated",
    file: claims,
    from: "return verdict.written ? [] : [letter];",
    to: "return [];",
  },
  {
    name: "a living owner's claim that was taken over stays a crash (after a publish)",
    file: claims,
    from: `if (!ours) await withdraw(claim);
    held.delete(claim);
  }

  /** Restores`,
    to: `held.delete(claim);
  }

  /** Restores`,
  },
  {
    name: "a living owner's claim that was taken over stays a crash (at a release)",
    file: claims,
    from: `if (!ours) await withdraw(claim);
    held.delete(claim);
  }

  /** For every`,
    to: `held.delete(claim);
  }

  /** For every`,
  },
  {
    name: "the verdict of a claim is ignored",
    file: claims,
    from: "if (verdict.written) {",
    to: "if (verdict !== undefined) {",
  },
  {
    name: "a claim whose reply is lost is not released",
    file: claims,
    from: "held.add(claim);",
    to: "",
  },
  {
    name: "a claim is released although something may have been sent",
    file: claims,
    from: "mayHaveSent.has(claim) ? stay : beneath && { ...beneath, rev: nonce() },",
    to: "beneath && { ...beneath, rev: nonce() },",
  },
  {
    name: "a release forgets the row beneath",
    file: claims,
    from: "mayHaveSent.has(claim) ? stay : beneath && { ...beneath, rev: nonce() },",
    to: "mayHaveSent.has(claim) ? stay : beneath && undefined,",
  },
  {
    name: "the number of the copy is not compared",
    file: decide,
    from: "row.copy === delivery.copy &&",
    to: "",
  },
  {
    name: "the delivery count of the copy is not compared",
    file: decide,
    from: "row.copy === delivery.copy &&\n    delivery.deliveryCount > row.deliveryCount",
    to: "row.copy === delivery.copy",
  },
  {
    name: "a shared claim counts as a crash",
    file: decide,
    from: "shared ? row.crashes : withCrash(row)",
    to: "withCrash(row)",
  },
  {
    name: "no crash is counted",
    file: decide,
    from: "shared ? row.crashes : withCrash(row)",
    to: "row.crashes",
  },
  {
    name: "a replay inherits crashes",
    file: decide,
    from: "crashes: replayed ? [] : crashes,",
    to: "crashes,",
  },
  {
    name: "a takeover forgets that a send had begun",
    file: decide,
    from: '    kind: "claim",\n    crashes: replayed ? [] : crashes,\n    sending,',
    to: '    kind: "claim",\n    crashes: replayed ? [] : crashes,\n    sending: sending && ours,',
  },
  {
    name: "a suspect joins a shared group again after a claim of its own",
    file: decide,
    from: '(mode === "shared" && shared && !replayed)',
    to: '(mode === "shared" && !replayed)',
  },
  {
    name: "whoever waits for another's claim is no suspect",
    file: decide,
    from: '"claimed by another", { suspect: true });',
    to: '"claimed by another");',
  },
  {
    name: "not-before is not obeyed",
    file: decide,
    from: 'if (decision.kind === "settle" || early <= 0) return decision;',
    to: "if (early <= Number.POSITIVE_INFINITY) return decision;",
  },
  {
    name: "not-before is lost on a defer",
    file: settle,
    from: "until ?? (failed ? undefined : delivery.notBefore)",
    to: "until",
  },
  {
    name: "suspicion is lost on a defer",
    file: settle,
    from: '(isSuspect(delivery) || "suspect" in outcome)',
    to: '"suspect" in outcome',
  },
  {
    name: "suspicion begins with the delivery count only",
    file: settle,
    from: '(isSuspect(delivery) || "suspect" in outcome)',
    to: "isSuspect(delivery)",
  },
  {
    name: "what was not confirmed is recorded",
    file: settle,
    from: 'others.filter((_, index) => published[index]?.status === "fulfilled")',
    to: "others",
  },
  {
    name: "a failed publish is acked",
    file: settle,
    from: 'for (const each of published) if (each.status === "rejected") throw each.reason;',
    to: "",
  },
  {
    name: "an id worn in the same moment is acked as done",
    file: settle,
    from: "...worn.map(({ letter }): Result => ({ letter, outcome: idReused })),",
    to: "",
  },
  {
    name: "a throw does not wait for its releases",
    file: batch,
    from: "await claims.releaseAll();\n      throw error;",
    to: "void claims.releaseAll();\n      throw error;",
  },
  {
    name: "a throw releases nothing",
    file: batch,
    from: "await claims.releaseAll();\n      throw error;",
    to: "throw error;",
  },
  {
    name: "a stopped batch publishes its last copies",
    file: batch,
    from: "time.requireRunning();",
    to: "",
  },
  {
    name: "suspects travel in the group",
    file: batch,
    from: 'return isSuspect(delivery) ? "shared" : "group";',
    to: 'return "group";',
  },
  {
    name: "all suspects are claimed at once",
    file: batch,
    from: "chunksOf(SHARED, shared)",
    to: "[shared]",
  },
  {
    name: "a shared group is not settled before the next claim",
    file: batch,
    from: "const applied = sortOut(group, tried, batch);\n      await settle(applied.results, batch);",
    to: "const applied = sortOut(group, tried, batch);\n      void settle(applied.results, batch);",
  },
  {
    name: "a shared group of one is shared",
    file: batch,
    from: "if (claiming.length < 2)",
    to: "if (claiming.length < 1)",
  },
  {
    name: "suspects are not claimed as shared",
    file: batch,
    from: "take(claiming, { shared: true })",
    to: "take(claiming, { shared: false })",
  },
  {
    name: "a shared group keeps its claims while it is held",
    file: batch,
    from: "await claims.releaseAll();\n        if (!(await",
    to: "if (!(await",
  },
  {
    name: "no look after a hold, in a shared group",
    file: batch,
    from: "await claims.look(inHand);",
    to: "",
  },
  {
    name: "no look after a hold, alone",
    file: alone,
    from: "await claims.look([letter]);",
    to: "",
  },
  {
    name: "a message alone keeps its claim while it is held",
    file: alone,
    from: "await claims.release(claim);\n",
    to: "",
  },
  {
    name: "suspects run side by side",
    file: batch,
    from: "await inParallel(suspects, 1, next(false));",
    to: "await inParallel(suspects, batch.consumer.concurrency, next(false));",
  },
  {
    name: "suspects alone are claimed as shared",
    file: batch,
    from: "await inParallel(suspects, 1, next(false));",
    to: "await inParallel(suspects, 1, next(true));",
  },
  {
    name: "messages side by side accuse each other",
    file: batch,
    from: "inTurn(next(true))",
    to: "inTurn(next(false))",
  },
  {
    name: "a killer is tried a fourth time",
    file: alone,
    from: "if (decision.crashes.length >= MAX_CRASHES)",
    to: "if (decision.crashes.length > MAX_CRASHES)",
  },
  {
    name: "what a dead process may have sent is sent again",
    file: alone,
    from: "if (decision.sending) return under(fail(new UncertainError(ENDED_IN_MID_SEND)));",
    to: "",
  },
  {
    name: "a send is not marked",
    file: alone,
    from: "await claims.markSending(claim);",
    to: "",
  },
  {
    name: "a send is cut off by a stop",
    file: alone,
    from: "consumer.repeatable ? time.within(apply) : time.toTheEnd(apply)",
    to: "time.within(apply)",
  },
  {
    name: "a send that was not begun counts as begun",
    file: alone,
    from: "if (!begun) claims.noteSent(claim, false);\n      else if",
    to: "if",
  },
  {
    name: "an unknown error of a sender is an outage",
    file: "lib/pipeline/hold.ts",
    from: "if (!repeatable || !isUnknown(error)) return false;",
    to: "if (!isUnknown(error)) return false;",
  },
  {
    name: "an outage is not halved",
    file: group,
    from: "return refusal instanceof PermanentError || refusal instanceof OutageError;",
    to: "return refusal instanceof PermanentError;",
  },
  {
    name: "a refusal is not halved",
    file: group,
    from: "return refusal instanceof PermanentError || refusal instanceof OutageError;",
    to: "return refusal instanceof OutageError;",
  },
  {
    name: "a group dead-letters without a claim",
    file: group,
    from: "else if (member.claim === undefined) applied.forAlone.push(member.letter);",
    to: "",
  },
  {
    name: "a group spends attempts on what calls itself an outage",
    file: group,
    from: "if (isLater && !(error instanceof OutageError))",
    to: "if (isLater)",
  },
];
