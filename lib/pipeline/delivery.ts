/**
 * A message as it arrived: data only. Acking belongs to whoever delivered it.
 * `attempt`, `generation`, `copy` and `notBefore` travel in our own numeric headers.
 */
export type Delivery = {
  body: Uint8Array;
  /** 1 for a message that never failed. */
  attempt: number;
  /** 1 as ingested; each replay on purpose raises it. */
  generation: number;
  /** Random number of this publish; absent on messages that others published. */
  copy: number | undefined;
  /** Epoch ms before which the message must not be applied. */
  notBefore: number | undefined;
  /** How often the broker delivered this very copy before (`x-delivery-count`). */
  deliveryCount: number;
  /** Epoch ms of the event's first failure, carried along for people who read the dead letter. */
  firstFailedAt: number | undefined;
};
