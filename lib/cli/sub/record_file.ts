/**
 * The file that messages are recorded in, or its parts.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import { type Part, partPath, partsOf } from "../parts.ts";

const LINE_FEED = 0x0a;

/** Messages are for their user, as in a FIFO. */
const NEW = { append: true, mode: 0o600 };

/** --keep TIME drops so many parts of the time, one after the other. */
const PARTS_IN_TIME = 10;

/** A limit: bytes or a number of parts, or a time in milliseconds. */
export type Limit = { count: number } | { ms: number };

/** How large the record becomes. */
export interface Limits {
  /** When to begin a new part: by its bytes, or by its age. */
  rotate: Limit | undefined;
  /** How much to keep: so many parts, or those of the last time. */
  keep: Limit | undefined;
}

/** A part that is complete. */
interface Complete extends Part {
  /** When it was completed, by a clock that is never set. */
  at: number;
}

/** A file to which lines are added, or one part after the other. */
export class RecordFile {
  readonly #path: string;
  readonly #rotate: Limit | undefined;
  readonly #keep: Limit | undefined;
  readonly #say: (text: string) => void;
  /** What is complete and kept, the oldest first. */
  #complete: Complete[] = [];
  #file: Deno.FsFile;
  #part: Part;
  #bytes = 0;
  #openedAt = performance.now();
  #hasDropped = false;

  /**
   * Opens the file, or a new part.
   *
   * @param path The path of the record.
   * @param limits How large it becomes.
   * @param say Tells the user something.
   * @throws {Error} If the file cannot be opened.
   */
  constructor(
    path: string,
    { rotate, keep }: Limits,
    say: (text: string) => void,
  ) {
    this.#path = path;
    this.#keep = keep;
    this.#rotate = rotate ??
      (keep && "ms" in keep ? { ms: keep.ms / PARTS_IN_TIME } : undefined);
    this.#say = say;
    if (this.#rotate) {
      const now = Date.now();
      this.#complete = partsOf(path).map((part) => {
        const { mtime } = Deno.statSync(part.path);
        const ageMs = Math.max(0, now - (mtime?.getTime() ?? now));
        return { ...part, at: performance.now() - ageMs };
      });
      [this.#part, this.#file] = this.#create();
    } else {
      this.#part = { path, number: 0 };
      this.#file = openAtEnd(path);
    }
    this.#prune();
  }

  /**
   * Begins a new part if it is time, and says how many lines fit into the part.
   *
   * @param ends Where each line ends.
   * @param from The number of the first line to write.
   * @param at Where that line starts.
   * @returns The number of the line behind the last one that fits; at least one
   * line does.
   */
  fitting(ends: number[], from: number, at: number): number {
    if (!this.#rotate) return ends.length;
    if ("ms" in this.#rotate) {
      const ageMs = performance.now() - this.#openedAt;
      if (ageMs >= this.#rotate.ms && this.#bytes > 0) this.#begin();
      this.#prune();
      return ends.length;
    }
    const { count: maxBytes } = this.#rotate;
    const fits = (end: number) => this.#bytes + end - at <= maxBytes;
    if (this.#bytes > 0 && !fits(ends[from]!)) this.#begin();
    let next = from + 1;
    while (next < ends.length && fits(ends[next]!)) next++;
    return next;
  }

  /**
   * Writes bytes.
   *
   * @param bytes The bytes.
   * @returns How many of them it has written.
   */
  write(bytes: Uint8Array): number {
    const written = this.#file.writeSync(bytes);
    this.#bytes += written;
    return written;
  }

  /** Removes bytes at the end: those of a line that is not whole. */
  cut(bytes: number): void {
    if (bytes === 0) return;
    try {
      this.#file.truncateSync(this.#file.statSync().size - bytes);
    } catch {
      // It is a device; a reader of the record leaves out such a line.
    }
  }

  /** Waits until all is on the disk. */
  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  /**
   * Gives what is kept further names, so that it stays when it is dropped here.
   *
   * @returns The record of that name; undefined if nothing is kept yet.
   */
  save(): string | undefined {
    if (this.#bytes > 0) this.#begin();
    if (this.#complete.length === 0) return undefined;
    const time = new Date().toISOString().replaceAll(/[-:.]/g, "");
    const saved = `${this.#path}.saved-${time}`;
    for (const { path, number } of this.#complete) {
      const name = partPath(saved, number) +
        (path.endsWith(".gz") ? ".gz" : "");
      try {
        Deno.linkSync(path, name);
      } catch {
        // The file system may have no links.
        Deno.copyFileSync(path, name);
      }
    }
    return saved;
  }

  /**
   * Removes the oldest part, although it was to be kept: the disk is full.
   *
   * @returns Whether there was one that may be removed some day.
   */
  dropOldest(): boolean {
    if (!this.#keep || this.#complete.length === 0) return false;
    if (!this.#hasDropped) {
      this.#say(
        "the disk is full: keeping less of the record than --keep says",
      );
    }
    this.#hasDropped = true;
    this.#drop();
    return true;
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** Completes the part, and begins the next one. */
  #begin(): void {
    const before = { ...this.#part, at: performance.now() };
    const file = this.#file;
    // First, because it may fail.
    [this.#part, this.#file] = this.#create();
    file.close();
    this.#complete.push(before);
    this.#bytes = 0;
    this.#openedAt = before.at;
    this.#prune();
  }

  #create(): [Part, Deno.FsFile] {
    const last = this.#part ?? this.#complete.at(-1);
    for (let number = (last?.number ?? 0) + 1;; number++) {
      const path = partPath(this.#path, number);
      try {
        const file = Deno.openSync(path, { ...NEW, createNew: true });
        return [{ path, number }, file];
      } catch (error) {
        // Another recorder has the same record.
        if (error instanceof Deno.errors.AlreadyExists) continue;
        throw error;
      }
    }
  }

  /** Removes the parts that are not to be kept. */
  #prune(): void {
    const keep = this.#keep;
    if (!keep) return;
    const isOld = ({ at }: Complete) =>
      "ms" in keep
        ? performance.now() - at > keep.ms
        : this.#complete.length >= keep.count;
    while (this.#complete.length > 0 && isOld(this.#complete[0]!)) this.#drop();
  }

  #drop(): void {
    const { path } = this.#complete.shift()!;
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      this.#say(`Cannot remove "${path}": ${reasonOf(error)}`);
    }
  }
}

/** Opens a file to add lines. An incomplete line at its end gets an end. */
function openAtEnd(path: string): Deno.FsFile {
  refusePipe(path);
  const file = Deno.openSync(path, { ...NEW, create: true });
  const { isFile, size } = file.statSync();
  if (!isFile || size === 0) return file;
  using reader = Deno.openSync(path);
  const last = new Uint8Array(1);
  reader.seekSync(-1, Deno.SeekMode.End);
  reader.readSync(last);
  if (last[0] !== LINE_FEED) file.writeSync(Uint8Array.of(LINE_FEED));
  return file;
}

/** A pipe that nobody reads would hold up the program, and signals to it. */
function refusePipe(path: string): void {
  let info;
  try {
    info = Deno.statSync(path);
  } catch {
    // It is not there, or opening it tells why it cannot be used.
    return;
  }
  if (info.isFifo) throw new Error("it is a pipe; sub --json prints to one");
}
