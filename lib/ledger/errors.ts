/**
 * The ledger's store did not do as it was asked, and `cause` says why. What was written then is
 * unknown, so nothing of the batch may be acked: it comes again.
 */
export class LedgerUnavailableError extends Error {
  override name = "LedgerUnavailableError";
}
