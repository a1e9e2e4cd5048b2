/** The wire contract (docs/architecture.md): what every event carries, whatever it is about. */
export type Envelope<Type extends string = string, Data = unknown> = {
  id: string;
  type: Type;
  source: string;
  /** UTC, fixed width (`2026-11-21T10:00:00.500000Z`), so that strings compare. */
  timestamp: string;
  tenant_id: string;
  correlation_id?: string | undefined;
  data: Data;
  metadata: { version: string; user_id?: string | undefined; traceparent?: string | undefined } & {
    [key: string]: unknown;
  };
};

/** An event read from bytes, with the digest that tells a repeat from an id worn by another event. */
export type Received<E extends Envelope = Envelope> = { event: E; digest: string };
