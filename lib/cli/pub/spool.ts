/**
 * A file of messages that wait for a broker: `pub --spool`.
 *
 * The first line says where the first message begins that is not through. Each
 * line behind it is a message. New messages are written at the end. When none is
 * left, the file is cut down to its first line; when the messages that are
 * through take more room than those that wait, the latter are moved to the
 * front. The first line changes with a single write(2), so that a killed process
 * leaves either the old state or the new one, and at most a part of the last
 * message.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import { isSameFile, kind, ownUid, tryLock } from "../../fifo/file.ts";
import { lockSoon } from "../../fifo/lock.ts";
import { count } from "../program.ts";
import {
  type JsonMessage,
  readJsonMessage,
  writeJsonMessage,
} from "./json_message.ts";
import type { SpoolPlan } from "./plan.ts";

/** The length of the first line. */
const HEADER_BYTES = 64;

const HEADER = /^\{"fifobus_spool":1,"start": *(\d+),"cut": *(\d+)\} *\n$/;

/** The most digits of a place in the file. */
const DIGITS = 12;

/** How much to read or to move at a time. */
const CHUNK_BYTES = 256 * 1024;

/** Messages that are through may always take this much room. */
const MIN_DEAD_BYTES = 64 * 1024;

/** How long a written message may not be on the disk, see fsync(2). */
const SYNC_MS = 1000;

const LINE_FEED = 0x0a;

/** What follows from a fault. */
const IN_MEMORY = "new messages wait in memory";
const AGAIN = "the next run may lack messages, or send them again";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A message that was taken out of a spool, to be settled. */
export interface Spooled {
  /** The message; undefined for a line that does not hold one. */
  message: JsonMessage | undefined;
  /** How many bytes its line has. */
  bytes: number;
  /** Where its line ends; undefined if it is not in the file. */
  end: number | undefined;
  /** Whether it is through. */
  isSettled: boolean;
}

/** A bounded queue of messages in a file, which one process uses at a time. */
export class Spool implements Disposable {
  /** Where the file is. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #maxBytes: number;
  readonly #say: (text: string) => void;
  /** Where the first message is that is not settled, and the next to take. */
  #start = HEADER_BYTES;
  #next = HEADER_BYTES;
  #end = HEADER_BYTES;
  #count = 0;
  /** Messages that were taken out of the file, from the start on. */
  readonly #taken: Spooled[] = [];
  /** Messages for which the disk had no room, behind all others. */
  #inMemory: Spooled[] = [];
  #memoryBytes = 0;
  #memoryCount = 0;
  /** What was told of faults, once each. */
  readonly #told = new Set<string>();
  #syncing: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    path: string,
    file: Deno.FsFile,
    maxBytes: number,
    say: (text: string) => void,
  ) {
    this.path = path;
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#say = say;
  }

  /**
   * Opens a spool, or makes it.
   *
   * @param options Which one.
   * @param say Tells the user.
   * @returns The spool, to be closed.
   * @throws {Error} If it is not a spool of this user, or is in use.
   */
  static async open(
    { path, maxBytes }: SpoolPlan,
    say: (text: string) => void,
  ): Promise<Spool> {
    const file = openOwn(path);
    try {
      // A process that is just being started may have the lock of its parent.
      if (!tryLock(file, true) && !await lockSoon(file)) {
        throw unusable(path, "another pub uses it");
      }
      const spool = new Spool(path, file, maxBytes, say);
      spool.#recover();
      return spool;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** How many messages wait, or are on their way. */
  get count(): number {
    return this.#count;
  }

  /** Whether it has no room for another message. */
  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  /** How many of them are not in the file, because the disk had no room. */
  get countInMemory(): number {
    return this.#memoryCount;
  }

  get #bytes(): number {
    return this.#end - this.#start + this.#memoryBytes;
  }

  /**
   * Adds a message. It survives the end of the process, however it ends, when
   * this returns; and a loss of power a second later.
   *
   * @param message The message.
   */
  add(message: JsonMessage): void {
    const line = encoder.encode(`${writeJsonMessage(message)}\n`);
    const bytes = line.length;
    this.#count++;
    // Behind a message in memory, it must not get ahead of that.
    if (this.#inMemory.length === 0 && this.#append(line)) return;
    this.#inMemory.push({ message, bytes, end: undefined, isSettled: false });
    this.#memoryBytes += bytes;
    this.#memoryCount++;
  }

  /**
   * Takes the next messages out. They stay in the file until they are settled.
   *
   * @returns The messages in order; none if there are none.
   */
  take(): Spooled[] {
    if (this.#next === this.#end) return this.#inMemory.splice(0);
    const taken: Spooled[] = [];
    const bytes = this.#readLines();
    for (let start = 0; start < bytes.length;) {
      const stop = bytes.indexOf(LINE_FEED, start) + 1;
      const line = decoder.decode(bytes.subarray(start, stop));
      taken.push({
        message: readJsonMessage(line),
        bytes: stop - start,
        end: this.#next += stop - start,
        isSettled: false,
      });
      start = stop;
    }
    this.#taken.push(...taken);
    return taken;
  }

  /**
   * Removes a message.
   *
   * @param spooled The message, as {@linkcode take} returned it.
   */
  settle(spooled: Spooled): void {
    this.#count--;
    spooled.isSettled = true;
    if (spooled.end === undefined) {
      this.#memoryBytes -= spooled.bytes;
      this.#memoryCount--;
      return;
    }
    const start = this.#start;
    while (this.#taken[0]?.isSettled) this.#start = this.#taken.shift()!.end!;
    if (this.#start > start) this.#attempt(() => this.#save(), AGAIN);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    clearTimeout(this.#syncing);
    this.#file.close();
  }

  /** Finds out what an earlier run left. */
  #recover(): void {
    let { size } = this.#file.statSync();
    if (size === 0) return this.#writeHeader();
    const header = decoder.decode(this.#read(0, HEADER_BYTES));
    const [, start, cut] = HEADER.exec(header)?.map(Number) ?? [];
    if (start === undefined || cut === undefined) {
      throw unusable(this.path, "it is not a spool, and is left as it is");
    }
    if (cut >= HEADER_BYTES && cut < size) {
      this.#file.truncateSync(cut);
      size = cut;
    }
    // Without its messages, the file may have been cut before the first line
    // was written.
    this.#start = start <= size ? start : HEADER_BYTES;
    this.#next = this.#end = this.#start;
    for (let at = this.#start; at < size;) {
      const bytes = this.#read(at, Math.min(CHUNK_BYTES, size - at));
      if (bytes.length === 0) break;
      for (let i = -1; (i = bytes.indexOf(LINE_FEED, i + 1)) >= 0;) {
        this.#count++;
        this.#end = at + i + 1;
      }
      at += bytes.length;
    }
    if (this.#end < size) {
      this.#say(`"${this.path}" ends within a message, which is left out`);
      this.#file.truncateSync(this.#end);
    }
    if (this.#count > 0) {
      this.#say(`${count(this.#count)} of an earlier run in "${this.path}"`);
    }
    this.#save();
  }

  /** Writes a line at the end; false if the disk does not take it. */
  #append(line: Uint8Array): boolean {
    if (this.#attempt(() => this.#write(this.#end, line), IN_MEMORY)) {
      this.#end += line.length;
      this.#told.delete(IN_MEMORY);
      return true;
    }
    // What the file has of the line would join the next one.
    this.#attempt(() => this.#file.truncateSync(this.#end), AGAIN);
    return false;
  }

  /** Reads whole lines from the next message on. */
  #readLines(): Uint8Array {
    for (let size = CHUNK_BYTES;; size *= 2) {
      const count = Math.min(size, this.#end - this.#next);
      const bytes = this.#read(this.#next, count);
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) return bytes.subarray(0, end);
      if (bytes.length < size) {
        throw unusable(this.path, "another program has changed it");
      }
    }
  }

  /** Says in the file which messages are settled, and drops them. */
  #save(): void {
    const dead = this.#start - HEADER_BYTES;
    if (this.#start === this.#end) {
      if (dead === 0) return this.#writeHeader();
      // In this order: a file without messages may begin anywhere.
      this.#file.truncateSync(HEADER_BYTES);
      this.#start = this.#next = this.#end = HEADER_BYTES;
    } else if (dead >= Math.max(MIN_DEAD_BYTES, this.#end - this.#start)) {
      return this.#compact(dead);
    }
    this.#writeHeader();
  }

  /** Moves the waiting messages to the front, where they find enough room. */
  #compact(dead: number): void {
    for (let at = this.#start; at < this.#end;) {
      const count = Math.min(CHUNK_BYTES, this.#end - at);
      const bytes = this.#read(at, count);
      this.#write(at - dead, bytes);
      at += bytes.length;
    }
    this.#file.syncDataSync();
    this.#start -= dead;
    this.#next -= dead;
    this.#end -= dead;
    for (const taken of this.#taken) taken.end! -= dead;
    // From here on, the file ends there, though it is cut a moment later.
    this.#writeHeader(this.#end);
    this.#file.truncateSync(this.#end);
    this.#writeHeader();
  }

  #writeHeader(cut = 0): void {
    const [start, end] = [this.#start, cut].map((place) =>
      String(place).padStart(DIGITS)
    );
    const text = `{"fifobus_spool":1,"start":${start},"cut":${end}}`;
    this.#write(0, encoder.encode(text.padEnd(HEADER_BYTES - 1) + "\n"));
  }

  #read(at: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    this.#file.seekSync(at, Deno.SeekMode.Start);
    let length = 0;
    while (length < count) {
      const more = this.#file.readSync(bytes.subarray(length));
      if (more === null) break;
      length += more;
    }
    return bytes.subarray(0, length);
  }

  #write(at: number, bytes: Uint8Array): void {
    this.#file.seekSync(at, Deno.SeekMode.Start);
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(this.#file.writeSync(rest));
    }
    this.#syncing ??= setTimeout(() => this.#sync(), SYNC_MS);
  }

  async #sync(): Promise<void> {
    this.#syncing = undefined;
    try {
      if (!isSameFile(Deno.lstatSync(this.path), this.#file.statSync())) {
        throw new Error("it was replaced by another file");
      }
      await this.#file.syncData();
    } catch (error) {
      this.#tellFault(error, AGAIN);
    }
  }

  /** Does something with the file; tells if it fails. */
  #attempt(action: () => void, consequence: string): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#tellFault(error, consequence);
      return false;
    }
  }

  #tellFault(error: unknown, consequence: string): void {
    if (this.#told.has(consequence)) return;
    this.#told.add(consequence);
    const reason = error instanceof Deno.errors.NotFound
      ? "it was removed"
      : reasonOf(error);
    this.#say(`Cannot write to "${this.path}": ${reason}; ${consequence}`);
  }
}

/** Opens a file that is ours: no link, nor a file of somebody else. */
function openOwn(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, {
      read: true,
      write: true,
      createNew: true,
      mode: 0o600,
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw unusable(path, reasonOf(error), error);
    }
  }
  let file: Deno.FsFile | undefined;
  try {
    const info = Deno.lstatSync(path);
    if (!info.isFile) throw new Error(`it is ${kind(info)}`);
    const own = ownUid();
    if (own !== null && info.uid !== own) {
      throw new Error(`user ${info.uid} owns it`);
    }
    file = Deno.openSync(path, { read: true, write: true });
    if (isSameFile(info, file.statSync())) return file;
    throw new Error("it was replaced by another file");
  } catch (error) {
    file?.close();
    throw unusable(path, reasonOf(error), error);
  }
}

function unusable(path: string, reason: string, cause?: unknown): Error {
  return new Error(`Cannot use "${path}" as a spool: ${reason}`, { cause });
}
