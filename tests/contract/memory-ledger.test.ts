import { coalescedLedger } from "../../lib/ledger/ledger.ts";
import { ledgerContract } from "./ledger.ts";
import { memoryLedger, type Rows } from "./memory-ledger.ts";

const rows: Rows = new Map();

ledgerContract("memoryLedger", (options) => memoryLedger({ ...options, rows }));
ledgerContract("memoryLedger, coalesced", (options) =>
  coalescedLedger(memoryLedger({ ...options, rows })),
);
