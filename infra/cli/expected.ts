import { ConfigError } from "../../lib/config.ts";
import { DeclarationError } from "../../lib/host/declaration.ts";
import { LedgerUnavailableError } from "../../lib/ledger/ledger.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { TopologyError } from "../../lib/rabbit/apply-topology.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import { ManagementError } from "../../lib/rabbit/management.ts";
import { ScaffoldError } from "../scaffold/new-function.ts";
import { MissingError } from "../service/tools.ts";
import { FailedError } from "./errors.ts";

const EXPECTED = [
  FailedError,
  ConfigError,
  DeclarationError,
  LedgerUnavailableError,
  OutageError,
  TopologyError,
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
  ManagementError,
  ScaffoldError,
  MissingError,
];

/** Whether this error's message is enough for a user. For other errors the CLI prints the stack. */
export function isExpected(error: unknown): error is Error {
  return EXPECTED.some((type) => error instanceof type);
}
