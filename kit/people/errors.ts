import { OutageError } from "../../lib/pipeline/errors.ts";

/** A call to the directory's store failed; `cause` says why. No event is at fault. */
export class DirectoryUnavailableError extends OutageError {
  override name = "DirectoryUnavailableError";
}
