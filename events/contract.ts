import type * as z from "zod";
import type { Envelope } from "../lib/envelope/envelope.ts";

/** What an event type promises. Schemas keep unknown fields, so that a newer producer loses nothing. */
export type Contract<Type extends string, Schema extends z.ZodType> = {
  type: Type;
  /** What has happened, or is asked for, in one line. */
  meaning: string;
  /** Made by functions for functions: ingest refuses it. */
  internal?: true;
  /** `major.minor`; a schema of the same major reads every minor. */
  version: string;
  data: Schema;
  /** The entity whose events keep their order: what a partition or a lane is chosen by. */
  key: (data: z.output<Schema>) => string;
  /** A realistic payload; the catalogue's test reads every one of them. */
  sample: z.input<Schema>;
  /** Of former majors that are still read, one each. */
  older?: readonly Older<z.input<NoInfer<Schema>>>[];
};

/** A former version. Its schema ends in a transform that gives the data as the current version takes it. */
type Older<Current = unknown> = {
  version: string;
  data: z.ZodType<Current>;
  /** A realistic payload of that version. */
  sample: object;
};

export function contract<const Type extends string, Schema extends z.ZodType>(
  terms: Contract<Type, Schema>,
): Contract<Type, Schema> {
  return terms;
}

/** The event of a contract, its data as parsed. */
export type EventOf<C> =
  C extends Contract<infer Type, infer Schema> ? Envelope<Type, z.output<Schema>> : never;
