/** Mistakes that can be planted to see that the model finds them. */
export type Bug =
  | "complete before apply"
  | "unfenced release"
  | "ack before settle"
  | "outage taken for an error"
  | "crash counted on takeover of a shared claim"
  | "shared kept after takeover"
  | "defer forgets suspicion"
  | "another copy takes a running shared claim"
  | "claims not released"
  | "ack although a page failed"
  | "mark after row"
  | "set expires before the row"
  | "proofs pruned too young";
