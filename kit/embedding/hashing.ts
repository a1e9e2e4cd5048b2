import type { Embedder } from "./embedder.ts";

/** Enough that two words of a shop's texts rarely share a place. */
const DIMENSIONS = 384;
/** Length of a word's parts: similar words ("chair", "chairs") share most of their parts. */
const GRAM = 3;
/** A word weighs as much as two of its parts. */
const WORD_WEIGHT = 2;

/** FNV-1a, 32 bits (draft-eastlake-fnv). */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Texts are near if they share words or parts of words. It does not know meanings. Feature hashing
 * (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009) of words and of
 * character trigrams within word bounds (as in fastText: Bojanowski et al., 2017): each feature adds 1
 * or -1, by its hash, at a place given by its hash. Vectors have length 1; a text without a letter or
 * digit has the zero vector. The same on every machine; nothing is downloaded.
 */
export function hashingEmbedder({ dimensions = DIMENSIONS } = {}): Embedder {
  const sums = new Int32Array(dimensions);
  return {
    model: `hashing-${dimensions}`,
    dimensions,
    embed: async (texts) =>
      texts.map((text) => {
        sums.fill(0);
        addText(sums, text);
        return normalised(sums);
      }),
  };
}

function addText(sums: Int32Array, text: string): void {
  const plain = text.normalize("NFKC").toLowerCase();
  let start = -1;
  for (let i = 0; i <= plain.length; i += 1) {
    if (i < plain.length && isWordUnit(plain.charCodeAt(i))) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      addWord(sums, plain, start, i);
      start = -1;
    }
  }
}

function addWord(sums: Int32Array, text: string, start: number, end: number): void {
  let word = FNV_OFFSET;
  for (let i = start; i < end; i += 1) word = hashedWith(word, text.charCodeAt(i));
  add(sums, word, WORD_WEIGHT);
  // The bounds count as characters: "ch" at the start of a word is a different part than "ch" inside.
  for (let i = start - 1; i + GRAM <= end + 1; i += 1) {
    let gram = FNV_OFFSET ^ GRAM;
    for (let j = i; j < i + GRAM; j += 1) {
      gram = hashedWith(gram, j < start || j >= end ? BOUND : text.charCodeAt(j));
    }
    add(sums, gram, 1);
  }
}

/** Marks a word's bounds. No word contains a space, because spaces end words. */
const BOUND = 0x20;

function hashedWith(hash: number, unit: number): number {
  const low = Math.imul(hash ^ (unit & 0xff), FNV_PRIME);
  return Math.imul(low ^ (unit >>> 8), FNV_PRIME);
}

function add(sums: Int32Array, hash: number, weight: number): void {
  // The finaliser of MurmurHash3 (Appleby, public domain): the last characters hardly change FNV's high bits.
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  const place = (mixed >>> 1) % sums.length;
  sums[place]! += mixed & 1 ? weight : -weight;
}

function normalised(sums: Int32Array): number[] {
  let squares = 0;
  for (const x of sums) squares += x * x;
  const length = Math.sqrt(squares) || 1;
  const vector: number[] = [];
  for (const x of sums) vector.push(x / length);
  return vector;
}

/** By UTF-16 unit: 0 unknown, 1 part of a word, 2 not part of a word. */
const kinds = new Uint8Array(0x10000);
const WORD = /[\p{L}\p{M}\p{N}\p{Cs}]/u;

function isWordUnit(unit: number): boolean {
  kinds[unit] ||= WORD.test(String.fromCharCode(unit)) ? 1 : 2;
  return kinds[unit] === 1;
}
