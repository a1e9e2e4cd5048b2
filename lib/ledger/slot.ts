/**
 * Some seconds of time, to which an id belongs, and where in it the id is. A slot of one second would cost
 * a request for each event of a slow producer's backlog; a longer one more pages for each batch.
 */
export type Slot = {
  /** Epoch s. */
  start: number;
  /** The part of the slot, of 2^`bits`. */
  part: number;
  bits: number;
};

const SLOT_SECONDS = 8;
/** Parts of a slot: about a millisecond. */
const BITS = 13;

/**
 * Reads the time inside a time-ordered id, from the id alone: UUIDv7, ULID or KSUID, also behind a
 * prefix that ends with `_`. A Snowflake does not contain its epoch, so it has no slot.
 *
 * An id that only looks like one of these gets a wrong slot. That costs a page for this event alone,
 * and nothing else: every event with this id has the same slot.
 */
export function slotOf(id: string): Slot | undefined {
  const bare = id.slice(id.lastIndexOf("_") + 1);
  switch (bare.length) {
    case 36:
      return UUID_V7.test(bare)
        ? ofMs(Number.parseInt(bare.slice(0, 8) + bare.slice(9, 13), 16))
        : undefined;
    case 26:
      return ULID.test(bare)
        ? ofMs(valueOf(bare.slice(0, 10).toUpperCase(), CROCKFORD))
        : undefined;
    case 27:
      return KSUID.test(bare) ? ofSecond(KSUID_EPOCH + ksuidTime(bare)) : undefined;
    default:
      return undefined;
  }
}

const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID = /^[0-7][\dA-HJKMNP-TV-Z]{25}$/i;
const BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const KSUID = /^[\dA-Za-z]{27}$/;
/** Epoch s (github.com/segmentio/ksuid). */
const KSUID_EPOCH = 1_400_000_000;

/** Ids of other times are no such ids: of 27 random letters four in five are told by it. Epoch s. */
const EARLIEST = Date.UTC(2020, 0, 1) / 1_000;
const LATEST = Date.UTC(2050, 0, 1) / 1_000;

function ofMs(ms: number): Slot | undefined {
  const part = Math.floor(((ms / 1_000) % SLOT_SECONDS) * (2 ** BITS / SLOT_SECONDS));
  return slotAt(Math.floor(ms / 1_000), { part, bits: BITS });
}

function ofSecond(second: number): Slot | undefined {
  return slotAt(second, { part: second % SLOT_SECONDS, bits: Math.log2(SLOT_SECONDS) });
}

function slotAt(second: number, where: { part: number; bits: number }): Slot | undefined {
  if (second < EARLIEST || second >= LATEST) return undefined;
  return { start: second - (second % SLOT_SECONDS), ...where };
}

/** The first 32 of 160 bits. A double has no more than 53, the same for every process. */
function ksuidTime(text: string): number {
  return Math.floor(valueOf(text, BASE_62) / 2 ** 128);
}

function valueOf(text: string, digits: string): number {
  let value = 0;
  for (const digit of text) value = value * digits.length + digits.indexOf(digit);
  return value;
}
