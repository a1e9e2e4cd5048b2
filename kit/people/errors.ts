import { OutageError } from "../../lib/pipeline/errors.ts";

/** The directory's store did not do as it was asked, and `cause` says why. No event is to blame. */
export class DirectoryUnavailableError extends OutageError {
  override name = "DirectoryUnavailableError";
}
