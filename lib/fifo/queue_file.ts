/**
 * The queue file of a FIFO: it says which reader has the turn, and holds
 * messages that a reader took from the FIFO and did not handle.
 *
 * It starts with a header, which `queue_header.ts` explains. The messages behind
 * it have their delimiters; the last one may lack its end, which is
 * then still in the FIFO.
 *
 * A killed reader leaves `R` or `r`. After `R`, the FIFO continues within a
 * message. After `r`, it may do so if a message of several writes has begun
 * since: smaller messages are read as a whole. In both cases the next reader
 * drops everything up to the next delimiter, because a part of a message must
 * never pass as a message. After `B`, the FIFO continues within a message if it
 * has been open ever since. If every reader was killed, it may not have been: the
 * system drops what is in a FIFO that nobody has open.
 *
 * The contents change with a single write(2) of the header, so that a killed
 * process leaves either the old state or the new one.
 *
 * @module
 */
import { delay } from "../delay.ts";
import { reasonOf } from "../errors.ts";
import { load } from "../load.ts";
import { concat } from "../wire/framing.ts";
import { isSameFile, tryLock } from "./file.ts";
import { lockInThread, lockSoon } from "./lock.ts";
import {
  checkPermissions,
  COUNT_AT,
  COUNT_DIGITS,
  DIGITS,
  HEADER_BYTES,
  LEAVING_AT,
  MAGIC,
  MAGIC_BYTES,
  MAX_COUNT,
  NoQueueFile,
  openExisting,
  PUBLISHER_AT,
  QueueHeader,
  READER_AT,
  REMOVED,
  startsWith,
  TORN_PUBLISHER,
  TwoNames,
} from "./queue_header.ts";

const HEADER = new RegExp(
  `^${MAGIC}([-P]\\d\\d)[-L]([-rRB]\\d\\d)(\\d{${DIGITS}}) (\\d{${DIGITS}})\\n$`,
);

/**
 * How often to try to open a queue file: somebody may replace the FIFO, or
 * remove its queue file, at any time.
 */
const MAX_ATTEMPTS = 100;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The header of a file without messages. */
const EMPTY = encoder.encode(
  `${MAGIC}-00--00${[HEADER_BYTES, HEADER_BYTES].map(digits).join(" ")}\n`,
);

const EMPTY_READER = EMPTY.subarray(READER_AT);

/**
 * The marks for: a reader is within a message, it reads, the file ends with a
 * beginning, or none of these.
 */
const TORN = "R00";
const BEGUN = "B";
const READING = "r";
const AT_REST = "-00";
const AT_REST_BYTES = encoder.encode(AT_REST);

/** What a queue file says about its FIFO. */
export interface QueueStatus {
  /** Whether a reader has the turn: it waits for messages. */
  isAwaited: boolean;
  /** How many messages wait. */
  messages: number;
  /** How many bytes they have, with the delimiters. */
  bytes: number;
  /** When messages were last put in or taken out; null if none wait. */
  since: Date | null;
}

/**
 * Looks into a queue file, without the turn.
 *
 * @param path Where it is.
 * @returns Its status; undefined if it does not exist.
 */
export function statusOf(path: string): QueueStatus | undefined {
  let file;
  try {
    if (!Deno.lstatSync(path).isFile) return undefined;
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  using _closed = file;
  const isAwaited = !(tryLock(file, false) ?? true);
  const bytes = Deno.readFileSync(path);
  const [, , , head, end] =
    HEADER.exec(decoder.decode(bytes.subarray(0, HEADER_BYTES))) ?? [];
  const messages = bytes.subarray(Number(head ?? 0), Number(end ?? 0));
  // With NUL as the delimiter, messages may hold line feeds.
  const delimiter = messages.includes(0) ? 0 : 0x0a;
  return {
    isAwaited,
    messages: messages.filter((byte) => byte === delimiter).length,
    bytes: messages.length,
    since: messages.length > 0 ? file.statSync().mtime : null,
  };
}

/**
 * How the messages in a queue file end: with a whole message, or the beginning
 * of one by a plain program; with the beginning of a message that continues in
 * the FIFO, or in another FIFO, of which one has replaced the other; or the FIFO
 * continues within a message whose beginning is lost.
 */
export type Rest = "whole" | "begun" | "foreign" | "torn";

/** The queue file of a FIFO, opened by one reader. */
export class QueueFile extends QueueHeader {
  #head = HEADER_BYTES;
  #end = HEADER_BYTES;
  #rest: Rest = "whole";
  #isReading = false;
  /** The mark for the beginning of a message in this FIFO, and in another. */
  #begun = BEGUN;
  #foreign = BEGUN;
  /** The messages, if the disk is too full to store them. */
  #unsaved: Uint8Array<ArrayBuffer> | undefined;
  #fault: unknown;

  /**
   * Opens a queue file, and makes it if it does not exist.
   *
   * @param path Where it is.
   * @param fifo The FIFO; the file gets its owner and its permissions.
   * @returns The file.
   * @throws {NoQueueFile} If there is no way to have one that this process
   * trusts.
   */
  static async open(path: string, fifo: Deno.FileInfo): Promise<QueueFile> {
    checkPermissions(path);
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      try {
        const queue = openExisting(path, fifo) ?? await create(path, fifo);
        if (!queue) continue;
        const opened = new QueueFile(path, queue.file, queue.info);
        opened.fifo = fifo;
        return opened;
      } catch (error) {
        if (error instanceof TwoNames && i < MAX_ATTEMPTS - 1) {
          if (i === MAX_ATTEMPTS / 2) removeAside(path);
          // The process that makes the file is about to remove one name.
          await delay(1);
          continue;
        }
        if (error instanceof NoQueueFile) throw error;
        throw new NoQueueFile(`${path}: ${reasonOf(error)}`, { cause: error });
      }
    }
    throw new NoQueueFile(`${path}: it is replaced again and again`);
  }

  /**
   * Takes the turn if it is free.
   *
   * @returns Whether it was free; false on Deno 2.6, which cannot try a lock.
   */
  tryLock(): boolean {
    return tryLock(this.file, true) ?? false;
  }

  /**
   * Takes the turn if it is free, in a moment on Deno 2.6.
   *
   * @returns Whether it was free; if not, this can only be closed.
   */
  async lockSoon(): Promise<boolean> {
    return tryLock(this.file, true) ?? await lockSoon(this.file);
  }

  /**
   * Takes the turn if it is free, while the process ends.
   *
   * @returns Dispose it to give up the turn; undefined if it was not free.
   */
  lockAtExit(): Disposable | undefined {
    const isLocked = tryLock(this.file, true);
    if (isLocked === undefined) return lockInThread(this.path);
    return isLocked ? { [Symbol.dispose]: () => this.unlock() } : undefined;
  }

  /** Waits for the turn, which the kernel passes on in order. */
  async lock(): Promise<void> {
    await this.file.lock(true);
  }

  /** Gives up the turn. */
  unlock(): void {
    this.file.unlockSync();
  }

  /** Whether no reader has written its header yet: publishers ignore it. */
  get isNew(): boolean {
    return isNew(this.#read(0, HEADER_BYTES));
  }

  /** Whether nothing is in it, and no reader was killed within a message. */
  get isEmpty(): boolean {
    return startsWith(this.#read(0, HEADER_BYTES), EMPTY_READER, READER_AT);
  }

  /** How many bytes of messages it holds. */
  get size(): number {
    return this.#unsaved?.length ?? this.#end - this.#head;
  }

  /** Why the messages are only in memory, if they are; see {@linkcode save}. */
  get fault(): unknown {
    return this.#fault;
  }

  /** The FIFO that its reader reads; after it was replaced, the next one. */
  set fifo({ ino }: Deno.FileInfo) {
    const number = `${(ino ?? 0) % (MAX_COUNT + 1)}`;
    this.#begun = BEGUN + number.padStart(COUNT_DIGITS, "0");
  }

  /** How the messages in it end. */
  get rest(): Rest {
    return this.#rest;
  }

  /** Whether they end with a beginning; does not need the turn. */
  get isBegun(): boolean {
    return this.#read(READER_AT, 1)[0] === BEGUN.charCodeAt(0);
  }

  /**
   * Looks for messages that an earlier reader has left. This method and the
   * methods below need the turn.
   *
   * @returns False if the previous reader has removed the file.
   * @throws {NoQueueFile} If it is not a queue file.
   */
  look(): boolean {
    const buffer = this.buffer;
    this.file.seekSync(0, Deno.SeekMode.Start);
    const count = this.file.readSync(buffer) ?? 0;
    if (isNew(buffer.subarray(0, count))) {
      // Somebody made it a moment ago.
      this.write(0, EMPTY);
      buffer.set(EMPTY);
      return this.#isEmpty();
    }
    if (startsWith(buffer, REMOVED) && !this.isInPlace) return false;
    // The file is empty most of the time; other cases cost 4 µs more.
    if (
      startsWith(buffer, MAGIC_BYTES) &&
      startsWith(buffer, EMPTY_READER, READER_AT)
    ) return this.#isEmpty();
    const text = decoder.decode(buffer.subarray(0, count));
    const [, publisher, reader = "", head, end] = HEADER.exec(text) ?? [];
    // Whether a killed reader may have read a part of a message.
    const isTorn = reader === TORN ||
      reader.startsWith(READING) && reader.slice(1) !== publisher?.slice(1);
    const isBegun = reader.startsWith(BEGUN);
    if (isBegun) this.#foreign = reader;
    this.#rest = isTorn
      ? "torn"
      : !isBegun
      ? "whole"
      : reader === this.#begun
      ? "begun"
      : "foreign";
    this.#head = Number(head);
    this.#end = Number(end);
    if (
      this.#head >= HEADER_BYTES && this.#end >= this.#head &&
      this.file.statSync().size >= this.#end
    ) return this.#settle();
    throw new NoQueueFile(`${this.path}: it is not a queue file of fifobus`);
  }

  #isEmpty(): boolean {
    this.#head = this.#end = HEADER_BYTES;
    this.#rest = "whole";
    return this.#settle();
  }

  /** Removes the mark of a reader that was killed while it left. */
  #settle(): true {
    if (this.isReaderLeaving) this.markLeaving(false);
    return true;
  }

  /**
   * Marks that the reader is about to read.
   *
   * @param isWithin Whether it is within a message, which is lost if the reader
   * is killed.
   */
  markReading(isWithin: boolean): void {
    if (isWithin) {
      if (this.#rest !== "torn") this.markTorn();
      return;
    }
    if (this.#rest === "torn" || this.#unsaved) return;
    // The read may return a part of a message of several writes, whether the
    // message has begun already or begins from now on.
    const isBegun = this.buffer[PUBLISHER_AT] === TORN_PUBLISHER;
    const count = this.buffer.subarray(COUNT_AT, LEAVING_AT);
    const seen = isBegun ? "00" : decoder.decode(count);
    this.write(READER_AT, encoder.encode(READING + seen));
    this.#isReading = true;
  }

  /**
   * Reads messages that earlier readers have left.
   *
   * @param offset Where to start, in bytes; 0 is the first message.
   * @param length How many bytes to read.
   * @returns The bytes; fewer at the end.
   */
  read(offset = 0, length = this.size): Uint8Array<ArrayBuffer> {
    if (this.#unsaved) return this.#unsaved.slice(offset, offset + length);
    const left = this.size - offset;
    return this.#read(this.#head + offset, Math.min(length, left));
  }

  /**
   * Removes messages from the beginning.
   *
   * @param length How many bytes they have, with their delimiters.
   * @param rest How the messages behind them end.
   */
  take(length: number, rest: Rest): void {
    if (this.#unsaved) this.#unsaved = this.#unsaved.subarray(length);
    else if (length === this.size && rest === "whole") this.clear();
    else this.#commit(this.#head + length, this.#end, rest);
  }

  /**
   * Marks that the reader is within a message, which is lost if it is killed.
   */
  markTorn(): void {
    this.#commit(this.#head, this.#end, "torn");
  }

  /** Removes all messages. */
  clear(): void {
    this.#commit(HEADER_BYTES, HEADER_BYTES, "whole");
    this.file.truncateSync(HEADER_BYTES);
  }

  /**
   * Puts bytes that a reader has read from the FIFO behind the messages in the
   * file.
   *
   * @param bytes Messages, each with its delimiter; the last one may lack its
   * end.
   * @param replaced How many bytes at the end of the file they replace.
   * @param rest How these messages end.
   */
  put(bytes: Uint8Array<ArrayBuffer>, replaced: number, rest: Rest): void {
    const kept = this.size - replaced;
    if (this.#unsaved) {
      this.#unsaved = concat([this.#unsaved.subarray(0, kept), bytes]);
      this.#rest = rest;
      return this.save();
    }
    try {
      this.#put(bytes, replaced, rest);
    } catch (error) {
      this.#fault = error;
      this.#unsaved = concat([this.read(0, kept), bytes]);
      this.#rest = rest;
    }
  }

  /** Writes the messages to the disk, if they are only in memory. */
  save(): void {
    if (!this.#unsaved) return;
    try {
      const [messages, rest] = [this.#unsaved, this.#rest];
      this.write(HEADER_BYTES, messages);
      this.#commit(HEADER_BYTES, HEADER_BYTES + messages.length, rest);
      this.#unsaved = this.#fault = undefined;
      if (messages.length === 0 && rest === "whole") this.clear();
    } catch (error) {
      this.#fault = error;
    }
  }

  #put(bytes: Uint8Array, replaced: number, rest: Rest): void {
    const length = this.size - replaced;
    if (length + bytes.length === 0 && rest === "whole") {
      if (this.size > 0 || this.#rest !== "whole") this.clear();
      else if (this.#isReading) this.write(READER_AT, AT_REST_BYTES);
      this.#isReading = false;
      return;
    }
    if (length > 0) {
      // The new bytes start with the old ones, unless the old ones were torn.
      if (!startsWith(bytes, this.read(length))) {
        this.#commit(this.#head, this.#end - replaced, this.#rest);
        replaced = 0;
      }
      const more = bytes.subarray(replaced);
      this.write(this.#end, more);
      this.#commit(this.#head, this.#end + more.length, rest);
    } else {
      // Do not overwrite the old messages: use the room before or behind them.
      const isRoom = HEADER_BYTES + bytes.length <= this.#head;
      const at = isRoom || this.size === 0 ? HEADER_BYTES : this.#end;
      this.write(at, bytes);
      this.#commit(at, at + bytes.length, rest);
    }
  }

  /**
   * Puts messages before the messages in the file.
   *
   * @param bytes The messages, each with its delimiter.
   */
  putFirst(bytes: Uint8Array<ArrayBuffer>): void {
    const all = concat([bytes, this.read()]);
    this.put(all, this.size, this.#rest);
  }

  /** Whether an earlier reader has left messages; does not need the turn. */
  get hasMessages(): boolean {
    return this.file.statSync().size > HEADER_BYTES;
  }

  /** Removes the file; readers that wait for its lock open the path again. */
  remove(): void {
    // Keep the mark of a killed publisher for the next publisher.
    if (!this.isInPlace || this.isPublisherTorn) return;
    try {
      Deno.removeSync(this.path);
    } catch {
      // It stays as a file without messages.
      return;
    }
    this.write(0, REMOVED);
  }

  #read(at: number, length: number): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(length);
    this.file.seekSync(at, Deno.SeekMode.Start);
    let count = 0;
    while (count < length) {
      const n = this.file.readSync(buffer.subarray(count));
      if (!n) break;
      count += n;
    }
    return buffer.subarray(0, count);
  }

  /** Writes the readers' part of the header: publishers own their mark. */
  #commit(head: number, end: number, rest: Rest): void {
    const marks = {
      whole: AT_REST,
      begun: this.#begun,
      foreign: this.#foreign,
      torn: TORN,
    };
    const reader = marks[rest];
    const text = `${reader}${digits(head)} ${digits(end)}\n`;
    this.write(READER_AT, encoder.encode(text));
    this.#head = head;
    this.#end = end;
    this.#rest = rest;
  }
}

/** Whether a file with this beginning was made a moment ago. */
function isNew(header: Uint8Array): boolean {
  return header.every((byte) => byte === 0);
}

function digits(at: number): string {
  return `${at}`.padStart(DIGITS, "0");
}

/** Removes the second name that a killed process has left. */
function removeAside(path: string): void {
  const at = path.lastIndexOf("/") + 1;
  const beginning = `${path.slice(at)}-`;
  const info = Deno.lstatSync(path);
  for (const { name } of Deno.readDirSync(path.slice(0, at))) {
    if (!name.startsWith(beginning)) continue;
    const other = path.slice(0, at) + name;
    if (isSameFile(Deno.lstatSync(other), info)) Deno.removeSync(other);
  }
}

/** Makes the file; undefined if another process just made it. */
async function create(path: string, fifo: Deno.FileInfo) {
  // Made aside: at its path, it must be ready for others to open.
  const aside = `${path}-${crypto.randomUUID()}`;
  const mode = fifo.mode! & 0o666;
  const how = { read: true, write: true, createNew: true, mode };
  const file = Deno.openSync(aside, how);
  try {
    const info = file.statSync();
    const isAlike = (info.mode! & 0o777) === mode && info.uid === fifo.uid &&
      info.gid === fifo.gid;
    if (!isAlike) {
      // Loaded here: needed only if several users share the FIFO, or the umask
      // has changed the permissions.
      const { adopt } = await load<typeof import("./adopt.ts")>(
        import.meta.resolve("./adopt.ts"),
      );
      adopt(aside, info, { ...fifo, mode });
    }
    // The header will not fail for want of space. Publishers ignore the file
    // until then: its maker may find that another one is in use.
    file.writeSync(new Uint8Array(HEADER_BYTES));
    Deno.linkSync(aside, path);
    return { file, info: file.statSync() };
  } catch (error) {
    file.close();
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  } finally {
    Deno.removeSync(aside);
  }
}
