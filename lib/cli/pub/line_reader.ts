/**
 * Reads lines from a file, without an object for each.
 *
 * @module
 */

const LINE_FEED = 0x0a;

/** U+FEFF, with which some programs of Windows start a file. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Large, as each read takes some time. */
const BUFFER_BYTES = 256 * 1024;

/** What can be read. */
export type Source = Pick<Deno.FsFile, "read">;

/**
 * Walks over the lines of a file, without the byte order mark before them. It
 * goes on behind a line that is too long.
 */
export class LineReader {
  readonly #source: Source;
  readonly #maxBytes: number;
  /** The lines, and then the beginning of the next one. */
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES);
  #length = 0;
  #next = 0;
  #isCut = false;
  /** The lines, each with its line feed. */
  lines: Uint8Array<ArrayBuffer> = new Uint8Array();
  /** The number of the current line: 1 for the first line. */
  number = 0;
  /** Where the current line starts and ends, without its line feed. */
  start = 0;
  end = 0;
  /** Whether the current line was too long, and only its end is there. */
  isTooLong = false;
  /** Whether all is read: the line, if there is one, had no line feed. */
  isAtEnd = false;

  /**
   * Creates a reader.
   *
   * @param source The file.
   * @param maxBytes How much is kept of a line that has not arrived as a whole.
   */
  constructor(source: Source, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** Where the next line starts; -1 if {@linkcode read} comes first. */
  get next(): number {
    return this.#next < this.lines.length ? this.#next : -1;
  }

  /** The current line, until further lines are read. */
  get line(): Uint8Array<ArrayBuffer> {
    return this.lines.subarray(this.start, this.end);
  }

  /**
   * Reads further lines, over those before.
   *
   * @returns How many bytes it has read; undefined if all was read before.
   */
  async read(): Promise<number | undefined> {
    if (this.isAtEnd) return undefined;
    const from = this.#length - this.lines.length;
    this.#bytes.copyWithin(0, this.lines.length, this.#length);
    this.lines = new Uint8Array();
    this.#next = 0;
    this.#length = from;
    if (from > this.#maxBytes) {
      this.#isCut = true;
      this.#length = 0;
    }
    if (this.#length > this.#bytes.length / 2) this.#grow();
    const room = this.#bytes.subarray(this.#length);
    const count = await this.#source.read(room) ?? undefined;
    if (count === undefined) {
      this.isAtEnd = true;
      if (this.#length === 0 && !this.#isCut) return undefined;
      room[0] = LINE_FEED;
    }
    const last = room.subarray(0, count ?? 1).lastIndexOf(LINE_FEED);
    if (last >= 0) {
      this.lines = this.#bytes.subarray(0, this.#length + last + 1);
      if (this.#isMarked) this.#next = BYTE_ORDER_MARK.length;
    }
    this.#length += count ?? 1;
    return count ?? 0;
  }

  /**
   * Goes to the next line.
   *
   * @param end Where it ends, if that is known.
   */
  take(end: number = this.lines.indexOf(LINE_FEED, this.#next)): void {
    this.start = this.#next;
    this.end = end;
    this.#next = end + 1;
    this.number++;
    this.isTooLong = this.#isCut;
    this.#isCut = false;
  }

  /** Whether a byte order mark is in the way: no line of JSON starts with it. */
  get #isMarked(): boolean {
    return this.number === 0 && !this.#isCut &&
      BYTE_ORDER_MARK.every((byte, i) => byte === this.lines[i]);
  }

  #grow(): void {
    const bytes = new Uint8Array(2 * this.#bytes.length);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
