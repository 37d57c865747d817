/**
 * A bounded cache for texts that come again and again.
 *
 * @module
 */

/** How many values are kept at most: a power of two. */
const PLACES = 16_384;

/**
 * Keeps a bounded number of values by the hash of their text. Each hash has one
 * place. A value gets the place only if its hash came there twice in a row. A
 * value that never comes again costs more to keep than to find again: the
 * garbage collector has to move what is kept.
 */
export class Recurring<T> {
  /** The hash that came last to each place. */
  readonly #hashes = new Int32Array(PLACES);
  /** Made with the first value, as it takes 0.1 ms: most runs keep none. */
  #values: (T | undefined)[] | undefined;

  /**
   * Returns the value that has the place of a hash.
   *
   * @param hash The hash, as FNV-1a makes it.
   * @returns The value, which may be that of another text.
   */
  get(hash: number): T | undefined {
    return this.#values?.[placeOf(hash)];
  }

  /**
   * Tells whether to keep a value that {@linkcode get} did not return.
   *
   * @param hash The hash of its text.
   * @returns Whether the hash came to its place the last time, too.
   */
  recurs(hash: number): boolean {
    const place = placeOf(hash);
    const recurs = this.#hashes[place] === hash;
    this.#hashes[place] = hash;
    return recurs;
  }

  /**
   * Keeps a value.
   *
   * @param hash The hash of its text.
   * @param value The value.
   */
  set(hash: number, value: T): void {
    // Made in full length: V8 makes a slow table of an array with large gaps.
    this.#values ??= new Array(PLACES);
    this.#values[placeOf(hash)] = value;
  }

  /** Forgets all values. */
  clear(): void {
    this.#values = undefined;
  }
}

/** The low bits of FNV-1a are worse than its high bits. */
function placeOf(hash: number): number {
  return (hash ^ hash >>> 15) & PLACES - 1;
}

/** FNV-1a before the first byte or character. */
export const HASH_START = 0x811c9dc5 | 0;

/**
 * Adds a byte or a character to a hash.
 *
 * @param hash The hash so far; at first {@linkcode HASH_START}.
 * @param code The byte or the character.
 * @returns The new hash.
 */
export function addToHash(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}
