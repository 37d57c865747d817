/**
 * Records messages in files: `sub --record`.
 *
 * @module
 */
import { reasonOf } from "../../errors.ts";
import type { Message } from "../../message.ts";
import { jsonWriter } from "../json_line.ts";
import { OutputClosed } from "../output.ts";
import { PrintBuffer } from "../print_buffer.ts";
import { count } from "../program.ts";
import { type Limits, RecordFile } from "./record_file.ts";

/** How often to try again while the disk is full. */
const FULL_MS = 200;

/** What to record, and where. */
export interface RecordOptions extends Limits {
  /** The file, or what the names of its parts start with. */
  path: string;
  /** Whether messages are on the disk before the next ones are taken. */
  fsync: boolean;
}

/** Writes each message as a line of JSON. */
export class Recorder implements AsyncDisposable {
  readonly #options: RecordOptions;
  readonly #say: (text: string) => void;
  readonly #file: RecordFile;
  readonly #buffer = new PrintBuffer(false);
  readonly #write = jsonWriter(false);
  readonly #lineFeed = Uint8Array.of(0x0a);
  readonly #stopped = Promise.withResolvers<void>();
  readonly #onSave: (() => void) | undefined;
  #sequence = 0;
  #isStopped = false;
  #isFull = false;
  #isBusy = false;
  #isSaveWanted = false;
  /** The messages that could not be recorded. */
  unhandled: Message[] = [];

  /**
   * Opens the file.
   *
   * @param options What to record, and where.
   * @param say Tells the user something.
   * @throws {Error} If the file cannot be opened.
   */
  constructor(options: RecordOptions, say: (text: string) => void) {
    this.#options = options;
    this.#say = say;
    try {
      this.#file = new RecordFile(options.path, options, say);
    } catch (error) {
      const reason = reasonOf(error);
      const text = `Cannot record in "${options.path}": ${reason}`;
      throw new Error(text, { cause: error });
    }
    if (!options.keep) return;
    this.#onSave = () => {
      this.#isSaveWanted = true;
      // Within a line, the end of that line comes first.
      if (!this.#isBusy) this.#saveIfWanted();
    };
    Deno.addSignalListener("SIGUSR2", this.#onSave);
  }

  /**
   * Records messages.
   *
   * @param messages The messages. Those that are not recorded are
   * {@linkcode unhandled} then.
   * @throws {OutputClosed} If it is stopped while the disk is full.
   * @throws {Error} If it cannot write for another reason.
   */
  async take(messages: Message[]): Promise<void> {
    const ends = this.#lines(messages);
    const { bytes } = this.#buffer;
    let at = 0;
    this.#isBusy = true;
    try {
      for (let done = 0; done < messages.length;) {
        this.#saveIfWanted();
        const next = await this.#insist(() =>
          this.#file.fitting(ends, done, at)
        );
        for (const end = ends[next - 1]!; at < end;) {
          const piece = bytes.subarray(at, end);
          at += await this.#insist(() => this.#file.write(piece));
        }
        done = next;
      }
      if (this.#options.fsync) await this.#insist(() => this.#file.sync());
      this.#saveIfWanted();
    } catch (error) {
      // What is behind the last whole line is not recorded.
      const done = ends.findLastIndex((end) => end <= at) + 1;
      this.#file.cut(at - (ends[done - 1] ?? 0));
      this.unhandled = messages.slice(done);
      this.#say(`${count(this.unhandled.length)} not recorded`);
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Gives up if the disk is full. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#onSave) Deno.removeSignalListener("SIGUSR2", this.#onSave);
    this.#file.close();
    return Promise.resolve();
  }

  /** Writes the lines to the buffer; returns where each of them ends. */
  #lines(messages: Message[]): number[] {
    const buffer = this.#buffer;
    buffer.clear();
    const time = new Date();
    return messages.map((message) => {
      this.#write({ message, time, sequence: ++this.#sequence }, buffer);
      buffer.add(this.#lineFeed);
      return buffer.length;
    });
  }

  /** Does something again and again while the disk is full. */
  async #insist<T>(action: () => T | Promise<T>): Promise<T> {
    while (true) {
      try {
        const result = await action();
        if (this.#isFull) this.#say("there is room again: recording");
        this.#isFull = false;
        return result;
      } catch (error) {
        await this.#waitForRoom(error);
      }
    }
  }

  async #waitForRoom(error: unknown): Promise<void> {
    const reason = reasonOf(error);
    const what = `Cannot write to "${this.#options.path}": ${reason}`;
    if (!isFull(error)) throw new Error(what, { cause: error });
    if (this.#file.dropOldest()) return;
    if (!this.#isFull) {
      this.#say(`${what}; waiting for room, messages wait or are missed`);
    }
    this.#isFull = true;
    if (this.#isStopped) throw new OutputClosed();
    let timer;
    await Promise.race([
      this.#stopped.promise,
      new Promise((resolve) => timer = setTimeout(resolve, FULL_MS)),
    ]);
    clearTimeout(timer);
  }

  #saveIfWanted(): void {
    if (!this.#isSaveWanted) return;
    this.#isSaveWanted = false;
    try {
      const saved = this.#file.save();
      this.#say(saved ? `saved: pub --replay ${saved}` : "nothing to save yet");
    } catch (error) {
      this.#say(`Cannot save the record: ${reasonOf(error)}`);
    }
  }
}

/** Whether an error says that there is no room, for all or for this user. */
function isFull(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ENOSPC" || code === "EDQUOT";
}
