/**
 * The queue file of a FIFO: whose turn it is to read, and what a reader took from
 * the FIFO and did not handle.
 *
 * It is `.NAME.queue` beside the FIFO. The lock on it, see flock(2), is the turn.
 * It starts with 52 bytes of text: `fifobus queue 1` and a line feed; `P` while a
 * publisher is within a message of several writes, else `-`; how many such
 * messages have begun, in two digits; `R` while a reader is within a message, `r`
 * while it reads at the end of one, else `-`; the two digits of the publishers as
 * that reader saw them; in 14 digits each where the messages begin, a space, where
 * they end, and a line feed. The messages have their delimiters; the last one may
 * lack its end, which is then in the FIFO.
 *
 * A reader that was killed has left `R`, and the FIFO goes on within a message; or
 * `r`, and it may do so if a message of several writes has begun since: smaller
 * ones are read as a whole. Then the next reader drops what comes up to the next
 * delimiter, as a part of a message must never be taken for one.
 *
 * What is in it changes by the one write(2) of its header, so that a process that
 * is killed leaves either what was there before or what is there after.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { load } from "../load.ts";
import { concat } from "../wire/framing.ts";
import { isSameFile, ownUid, tryLock } from "./file.ts";

const MAGIC = "fifobus queue 1\n";
const PUBLISHER_AT = MAGIC.length;
const COUNT_AT = PUBLISHER_AT + 1;
const COUNT_DIGITS = 2;
const READER_AT = COUNT_AT + COUNT_DIGITS;
const HEAD_AT = READER_AT + 1 + COUNT_DIGITS;
const DIGITS = 14;

/** Where the messages begin in a file that is new. */
const HEADER_BYTES = HEAD_AT + 2 * (DIGITS + 1);

const HEADER = new RegExp(
  `^${MAGIC}([-P]\\d\\d)([-rR]\\d\\d)(\\d{${DIGITS}}) (\\d{${DIGITS}})\\n$`,
);

/** A FIFO may be replaced, and its queue file removed, at any time. */
const MAX_ATTEMPTS = 100;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The header of a file without messages. */
const EMPTY = encoder.encode(
  `${MAGIC}-00-00${[HEADER_BYTES, HEADER_BYTES].map(digits).join(" ")}\n`,
);

const MAGIC_BYTES = EMPTY.subarray(0, PUBLISHER_AT);
const EMPTY_READER = EMPTY.subarray(READER_AT);

const TORN_PUBLISHER = "P".charCodeAt(0);

/** Says that no publisher is within a message. */
const NOT_TORN = encoder.encode("-");

/** What a file starts with once its path means it no longer. */
const REMOVED = encoder.encode("removed\n");

/** Another program may remove the file: how often to look for that. */
const CHECK_MS = 100;

/** Says that a reader is within a message, that it reads, or neither. */
const TORN = "R00";
const READING = "r";
const AT_REST = "-00";
const AT_REST_BYTES = encoder.encode(AT_REST);

/** Messages of several writes are counted from 1 up to that, and again. */
const MAX_COUNT = 99;

/**
 * Where the queue file of a FIFO is.
 *
 * @param path The FIFO; a symbolic link to it is followed.
 * @returns The path of the file beside it.
 */
export function pathBeside(path: string): string {
  return Deno.realPathSync(path).replace(/[^/]*$/, (name) => `.${name}.queue`);
}

/**
 * Where the queue file of a FIFO is if it cannot be beside it.
 *
 * @param folder A folder that the user may write to.
 * @param fifo What stat said of the FIFO.
 * @returns The path of the file.
 */
export function pathIn(folder: string, fifo: Deno.FileInfo): string {
  const { dev, ino, birthtime } = fifo;
  // A number may be that of another FIFO once this one was removed.
  return `${folder}/.queue-${dev}-${ino}-${birthtime?.getTime() ?? 0}`;
}

/** What a queue file says of its FIFO. */
export interface QueueStatus {
  /** Whether a reader has the turn: it waits for messages. */
  isAwaited: boolean;
  /** The messages that wait. */
  messages: number;
  /** Their bytes, with the delimiters. */
  bytes: number;
  /** When messages were put in or taken out last; null if none wait. */
  since: Date | null;
}

/**
 * Looks into a queue file, without the turn.
 *
 * @param path Where it is.
 * @returns What it says; undefined if it is not there.
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

/** Why a reader of a FIFO has no queue file. */
export class NoQueueFile extends Error {}

class TwoNames extends NoQueueFile {}

/** The queue file of a FIFO, opened by one reader or publisher. */
export class QueueFile {
  /** Where it is. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #info: Deno.FileInfo;
  readonly #buffer = new Uint8Array(HEADER_BYTES);
  #checkedAt = -Infinity;
  #head = HEADER_BYTES;
  #end = HEADER_BYTES;
  #isTorn = false;
  #isReading = false;
  /** The messages, if the disk was too full to take them. */
  #unsaved: Uint8Array<ArrayBuffer> | undefined;
  #fault: unknown;

  private constructor(path: string, file: Deno.FsFile, info: Deno.FileInfo) {
    this.path = path;
    this.#file = file;
    this.#info = info;
  }

  /**
   * Opens a queue file, and makes it if it is not there.
   *
   * @param path Where it is.
   * @param fifo The FIFO: its owner and its permissions are those of the file.
   * @returns The file.
   * @throws {NoQueueFile} If there can be none that this process trusts.
   */
  static async open(path: string, fifo: Deno.FileInfo): Promise<QueueFile> {
    checkPermissions(path);
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      try {
        const queue = openExisting(path, fifo) ?? await create(path, fifo);
        if (queue) return new QueueFile(path, queue.file, queue.info);
      } catch (error) {
        if (error instanceof TwoNames && i < MAX_ATTEMPTS - 1) {
          if (i === MAX_ATTEMPTS / 2) removeAside(path);
          // Whoever makes it is about to take one of them away.
          await new Promise((resolve) => setTimeout(resolve, 1));
          continue;
        }
        if (error instanceof NoQueueFile) throw error;
        throw new NoQueueFile(`${path}: ${reasonOf(error)}`, { cause: error });
      }
    }
    throw new NoQueueFile(`${path}: it is replaced again and again`);
  }

  /**
   * Opens a queue file for a publisher, who needs its mark only.
   *
   * @param path The FIFO.
   * @param fifo What stat said of the FIFO.
   * @returns The file; undefined if no reader of ours has made it.
   */
  static openBeside(
    path: string,
    fifo: Deno.FileInfo,
  ): QueueFile | undefined {
    try {
      const beside = pathBeside(path);
      checkPermissions(beside);
      const queue = openExisting(beside, fifo);
      // It is the readers who give it a header.
      if (queue && queue.info.size > 0) {
        return new QueueFile(beside, queue.file, queue.info);
      }
      queue?.file.close();
    } catch {
      // It is the readers who say that it is of no use.
    }
    return undefined;
  }

  /**
   * Whether a publisher was killed within a message of several writes. With the
   * lock of the FIFO; undefined if the file was removed.
   */
  get isPublisherTorn(): boolean | undefined {
    // Each write of a publisher asks: without a copy, and without a decoder.
    const buffer = this.#buffer;
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const count = this.#file.readSync(buffer) ?? 0;
    if (startsWith(buffer, REMOVED)) return undefined;
    return count > 0 && buffer[PUBLISHER_AT] === TORN_PUBLISHER;
  }

  /**
   * Says that a message of several writes begins, or that it has ended. With the
   * lock of the FIFO, after a look whether another one has not ended.
   *
   * @param isWithin Whether it begins.
   */
  markPublisher(isWithin: boolean): void {
    const seen = decoder.decode(this.#buffer.subarray(COUNT_AT, READER_AT));
    const count = (Number(seen) || 0) % MAX_COUNT + 1;
    const text = `P${`${count}`.padStart(COUNT_DIGITS, "0")}`;
    this.#write(
      PUBLISHER_AT,
      isWithin ? encoder.encode(text) : NOT_TORN,
    );
  }

  /**
   * Takes the turn if it is free.
   *
   * @returns Whether it was; false on Deno 2.6, which cannot try.
   */
  tryLock(): boolean {
    return tryLock(this.#file, true) ?? false;
  }

  /** Waits for the turn, which the kernel hands on in order. */
  async lock(): Promise<void> {
    await this.#file.lock(true);
  }

  /** Gives up the turn. */
  unlock(): void {
    this.#file.unlockSync();
  }

  /** Closes the file, which gives up the turn, too. */
  close(): void {
    this.#file.close();
  }

  /** Whether its path still means this file; asked every 100 ms at most. */
  get isCurrent(): boolean {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_MS) return true;
    this.#checkedAt = now;
    return this.isInPlace;
  }

  /** The same, asked now. */
  get isInPlace(): boolean {
    try {
      return isSameFile(Deno.lstatSync(this.path), this.#info);
    } catch {
      return false;
    }
  }

  /** How many bytes of messages are in it. */
  get size(): number {
    return this.#unsaved?.length ?? this.#end - this.#head;
  }

  /** Why the messages are in memory only, if they are; see {@linkcode save}. */
  get fault(): unknown {
    return this.#fault;
  }

  /** Whether a reader was killed within the message that goes on in the FIFO. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  /**
   * Looks what an earlier reader has left. Only with the turn, as all that
   * follows.
   *
   * @returns False if the reader before has removed the file.
   * @throws {NoQueueFile} If this is some other kind of file.
   */
  look(): boolean {
    const buffer = this.#buffer;
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const count = this.#file.readSync(buffer) ?? 0;
    if (count === 0) {
      // It was made a moment ago.
      this.#write(0, EMPTY);
      buffer.set(EMPTY);
      return this.#isEmpty();
    }
    if (startsWith(buffer, REMOVED) && !this.isInPlace) return false;
    // Most often there is nothing: all other looks cost 4 µs more.
    if (
      startsWith(buffer, MAGIC_BYTES) &&
      startsWith(buffer, EMPTY_READER, READER_AT)
    ) return this.#isEmpty();
    const text = decoder.decode(buffer.subarray(0, count));
    const [, publisher, reader = "", head, end] = HEADER.exec(text) ?? [];
    // What a reader that was killed may have begun to read.
    this.#isTorn = reader === TORN ||
      reader.startsWith(READING) && reader.slice(1) !== publisher?.slice(1);
    this.#head = Number(head);
    this.#end = Number(end);
    if (
      this.#head >= HEADER_BYTES && this.#end >= this.#head &&
      this.#file.statSync().size >= this.#end
    ) return true;
    throw new NoQueueFile(`${this.path}: it is not a queue file of fifobus`);
  }

  #isEmpty(): boolean {
    this.#head = this.#end = HEADER_BYTES;
    this.#isTorn = false;
    return true;
  }

  /**
   * Says that the reader reads, before it does.
   *
   * @param isWithin Whether it is within a message, which dies with it.
   */
  markReading(isWithin: boolean): void {
    if (isWithin) {
      if (!this.#isTorn) this.markTorn();
      return;
    }
    if (this.#isTorn || this.#unsaved) return;
    // A message of several writes that has begun may be read in part, as one
    // that begins from now on.
    const isBegun = this.#buffer[PUBLISHER_AT] === TORN_PUBLISHER;
    const count = this.#buffer.subarray(COUNT_AT, READER_AT);
    const seen = isBegun ? "00" : decoder.decode(count);
    this.#write(READER_AT, encoder.encode(READING + seen));
    this.#isReading = true;
  }

  /**
   * Reads messages that were left.
   *
   * @param offset Where from, in bytes, 0 being the first message.
   * @param length How many bytes.
   * @returns The bytes; fewer at the end.
   */
  read(offset = 0, length = this.size): Uint8Array<ArrayBuffer> {
    if (this.#unsaved) return this.#unsaved.slice(offset, offset + length);
    const left = this.size - offset;
    return this.#read(this.#head + offset, Math.min(length, left));
  }

  /**
   * Takes messages out, from the first one on.
   *
   * @param length How many bytes they have, with their delimiters.
   */
  take(length: number): void {
    if (this.#unsaved) this.#unsaved = this.#unsaved.subarray(length);
    else if (length === this.size && !this.#isTorn) this.clear();
    else this.#commit(this.#head + length, this.#end, this.#isTorn);
  }

  /** Says that the reader is within a message, which dies with it. */
  markTorn(): void {
    this.#commit(this.#head, this.#end, true);
  }

  /** Takes all out. */
  clear(): void {
    this.#commit(HEADER_BYTES, HEADER_BYTES, false);
    this.#file.truncateSync(HEADER_BYTES);
  }

  /**
   * Puts what was read from the FIFO behind the messages that are there.
   *
   * @param bytes Messages, each with its delimiter; the last one may lack its end.
   * @param replaced How many bytes at the end they take the place of.
   * @param isTorn Whether the FIFO goes on within a message that is not there.
   */
  put(bytes: Uint8Array<ArrayBuffer>, replaced: number, isTorn: boolean): void {
    const kept = this.size - replaced;
    if (this.#unsaved) {
      this.#unsaved = concat([this.#unsaved.subarray(0, kept), bytes]);
      this.#isTorn = isTorn;
      return this.save();
    }
    try {
      this.#put(bytes, replaced, isTorn);
    } catch (error) {
      this.#fault = error;
      this.#unsaved = concat([this.read(0, kept), bytes]);
      this.#isTorn = isTorn;
    }
  }

  /** Writes the messages to the disk, if they are in memory only. */
  save(): void {
    if (!this.#unsaved) return;
    try {
      const [messages, isTorn] = [this.#unsaved, this.#isTorn];
      this.#write(HEADER_BYTES, messages);
      this.#commit(HEADER_BYTES, HEADER_BYTES + messages.length, isTorn);
      this.#unsaved = this.#fault = undefined;
      if (messages.length === 0 && !isTorn) this.clear();
    } catch (error) {
      this.#fault = error;
    }
  }

  #put(bytes: Uint8Array, replaced: number, isTorn: boolean): void {
    const length = this.size - replaced;
    if (length + bytes.length === 0 && !isTorn) {
      if (this.size > 0 || this.#isTorn) this.clear();
      else if (this.#isReading) this.#write(READER_AT, AT_REST_BYTES);
      this.#isReading = false;
      return;
    }
    if (length > 0) {
      // Only what was torn is not the beginning of what takes its place.
      if (!startsWith(bytes, this.read(length))) {
        this.#commit(this.#head, this.#end - replaced, this.#isTorn);
        replaced = 0;
      }
      const more = bytes.subarray(replaced);
      this.#write(this.#end, more);
      this.#commit(this.#head, this.#end + more.length, isTorn);
    } else {
      // Beside what is there; there is room before it or behind it.
      const isRoom = HEADER_BYTES + bytes.length <= this.#head;
      const at = isRoom || this.size === 0 ? HEADER_BYTES : this.#end;
      this.#write(at, bytes);
      this.#commit(at, at + bytes.length, isTorn);
    }
  }

  /**
   * Puts messages before those that are there.
   *
   * @param bytes The messages, each with its delimiter.
   */
  putFirst(bytes: Uint8Array<ArrayBuffer>): void {
    const all = concat([bytes, this.read()]);
    this.put(all, this.size, this.#isTorn);
  }

  /** Whether an earlier reader has left messages; also without the turn. */
  get hasMessages(): boolean {
    return this.#file.statSync().size > HEADER_BYTES;
  }

  /** Removes the file; whoever waits for its lock opens the path again. */
  remove(): void {
    // What a publisher says that was killed is for the next publisher.
    if (!this.isInPlace || this.isPublisherTorn) return;
    try {
      Deno.removeSync(this.path);
    } catch {
      // It stays, as a file without messages.
      return;
    }
    this.#write(0, REMOVED);
  }

  #read(at: number, length: number): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(length);
    this.#file.seekSync(at, Deno.SeekMode.Start);
    let count = 0;
    while (count < length) {
      const n = this.#file.readSync(buffer.subarray(count));
      if (!n) break;
      count += n;
    }
    return buffer.subarray(0, count);
  }

  /** The publishers' mark is not the readers' to change. */
  #commit(head: number, end: number, isTorn: boolean): void {
    const reader = isTorn ? TORN : AT_REST;
    const text = `${reader}${digits(head)} ${digits(end)}\n`;
    this.#write(READER_AT, encoder.encode(text));
    this.#head = head;
    this.#end = end;
    this.#isTorn = isTorn;
  }

  #write(at: number, bytes: Uint8Array): void {
    this.#file.seekSync(at, Deno.SeekMode.Start);
    writeAll(this.#file, bytes);
  }
}

function digits(at: number): string {
  return `${at}`.padStart(DIGITS, "0");
}

function startsWith(
  bytes: Uint8Array,
  beginning: Uint8Array,
  at = 0,
): boolean {
  for (let i = 0; i < beginning.length; i++) {
    if (bytes[at + i] !== beginning[i]) return false;
  }
  return true;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(file.writeSync(rest));
  }
}

/** Nobody is asked for a permission that is not there: it goes without. */
function checkPermissions(path: string): void {
  for (const name of ["read", "write"] as const) {
    const { state } = Deno.permissions.querySync({ name, path });
    if (state === "granted") continue;
    throw new NoQueueFile(
      `${path}: deno run was not given --allow-${name} for it`,
    );
  }
}

/** Opens a file that is there, if it can be trusted. */
function openExisting(path: string, fifo: Deno.FileInfo) {
  let info;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  checkTrust(path, info, fifo);
  let file;
  try {
    file = Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // Links are followed by openSync(): this is the file that was looked at.
  const opened = file.statSync();
  if (isSameFile(opened, info)) return { file, info: opened };
  file.close();
  return undefined;
}

function checkTrust(
  path: string,
  info: Deno.FileInfo,
  fifo: Deno.FileInfo,
): void {
  const fault = info.isSymlink
    ? "it is a symbolic link"
    : !info.isFile
    ? "it is not a regular file"
    : !isOwnerTrusted(info, fifo)
    ? `it belongs to user ${info.uid}`
    : undefined;
  if (fault !== undefined) throw new NoQueueFile(`${path}: ${fault}`);
  if (info.nlink !== 1) throw new TwoNames(`${path}: it has several names`);
}

/**
 * This user, the FIFO's owner, root, or those who share the FIFO: they can write
 * to it and read from it anyway.
 */
function isOwnerTrusted({ uid, gid }: Deno.FileInfo, fifo: Deno.FileInfo) {
  if (uid === fifo.uid || uid === 0 || uid === ownUid()) return true;
  const mode = fifo.mode!;
  return gid === fifo.gid && (mode & 0o060) === 0o060 ||
    (mode & 0o006) === 0o006;
}

/** Removes the second name that a process has left which was killed. */
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

/** Makes the file; undefined if another process just did. */
async function create(path: string, fifo: Deno.FileInfo) {
  // Not at its path: it is there once others can open it.
  const aside = `${path}-${crypto.randomUUID()}`;
  const mode = fifo.mode! & 0o666;
  const how = { read: true, write: true, createNew: true, mode };
  const file = Deno.openSync(aside, how);
  try {
    const info = file.statSync();
    const isAlike = (info.mode! & 0o777) === mode && info.uid === fifo.uid &&
      info.gid === fifo.gid;
    if (!isAlike) {
      // Loaded here: few FIFOs are shared by users, and have a umask in the way.
      const { adopt } = await load<typeof import("./adopt.ts")>(
        import.meta.resolve("./adopt.ts"),
      );
      adopt(aside, info, { ...fifo, mode });
    }
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
