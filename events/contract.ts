import type * as z from "zod";
import type { Envelope } from "../lib/envelope/envelope.ts";

/** The contract of an event type. Schemas keep unknown fields, so that a newer producer loses none. */
export type Contract<Type extends string, Schema extends z.ZodType> = {
  type: Type;
  /** One line: what has happened, or what is requested. */
  meaning: string;
  /** Only functions publish this type; ingest refuses it. */
  internal?: true;
  /** `major.minor`; a schema of the same major reads every minor. */
  version: string;
  data: Schema;
  /** Names the entity that the event is about. `warren catalogue` prints its fields. */
  key: (data: z.output<Schema>) => string;
  /** A realistic payload; the catalogue's test reads every one of them. */
  sample: z.input<Schema>;
  /** One entry for each former major that consumers still read. */
  older?: readonly Older<z.input<NoInfer<Schema>>>[];
};

/** A former version. Its schema ends in a transform to the current version. */
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

/** The event of a contract, with parsed data. */
export type EventOf<C> =
  C extends Contract<infer Type, infer Schema> ? Envelope<Type, z.output<Schema>> : never;
