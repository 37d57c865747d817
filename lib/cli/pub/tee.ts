/**
 * Passes standard input on to standard output, and publishes its lines on the
 * side: `pub --tee`.
 *
 * @module
 */
import { parseAddress, type TopicAddress } from "../../address.ts";
import { BusOutlet } from "../../bus/outlet.ts";
import { FifobusError, inWords } from "../../errors.ts";
import { concat } from "../../wire/framing.ts";
import { findMarked } from "../../wire/marks.ts";
import { EXIT } from "../exit_codes.ts";
import { OutputClosed, writeAll } from "../output.ts";
import { complain, count, type World } from "../program.ts";
import type { PubPlan } from "./plan.ts";
import { NAME } from "./sender.ts";

/** How much is read at a time: what a pipe holds. */
const READ_BYTES = 64 * 1024;

/** When this much waits for slow subscribers, further lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/**
 * To publish takes ten times as long as to copy. So from a pipeline that is
 * faster, only this much is published, and as much again at once.
 */
const MAX_BYTES_PER_MS = 32 * 1024;

/** How long slow subscribers may hold up the end of the pipeline. */
const GRACE_MS = 500;

/** A word of four bytes 1, and one of four bytes 0x7f. */
const ONES = 0x01010101;
const LOW_BITS = 0x7f7f7f7f;

/**
 * Copies standard input to standard output to its end. Publishing never holds
 * that up, and if it fails, the copy goes on.
 *
 * @param plan Where to publish the lines, and how.
 * @param world The standard streams.
 * @returns The exit code.
 * @throws {FifobusError} `bad_address`, before it copies anything.
 */
export async function tee(
  plan: PubPlan,
  { stdin, stdout, stderr }: World,
): Promise<number> {
  const say = (text: string) => complain(NAME, { stderr }, text);
  const { topic } = parseAddress(plan.address!) as TopicAddress;
  const tap = new Tap(topic, plan, say);
  await tap.open();
  const closed = Promise.withResolvers<never>();
  let written: Promise<void> = Promise.resolve();
  let [buffer, other] = [READ_BYTES, READ_BYTES].map((it) =>
    new Uint8Array(it)
  ) as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  try {
    for (;;) {
      // The reader of a slow input's copy may leave while we wait for more.
      const length = await Promise.race([stdin.read(buffer), closed.promise]);
      await written;
      if (length === null) break;
      const chunk = buffer.subarray(0, length);
      written = writeAll(stdout, chunk);
      written.catch(closed.reject);
      tap.add(chunk);
      [buffer, other] = [other, buffer];
    }
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
  return await tap.finish() ? EXIT.ok : EXIT.failed;
}

/** Publishes the lines of a stream, as far as somebody takes them. */
class Tap {
  readonly #topic: string;
  readonly #plan: PubPlan;
  readonly #say: (text: string) => void;
  readonly #end: number;
  readonly #dropped = new Map<string, number>();
  readonly #ending = new AbortController();
  #outlet: BusOutlet | undefined;
  /** The beginning of a line whose end is to come; undefined if not known. */
  #rest: Uint8Array<ArrayBuffer> | undefined = new Uint8Array();
  /** Whether that line began in a part that was dropped. */
  #isCut = false;
  #late = 0;
  #allowedBytes = MAX_BUFFERED_BYTES;
  #allowedAt = performance.now();
  #refused = 0;
  #error: unknown;

  constructor(topic: string, plan: PubPlan, say: (text: string) => void) {
    this.#topic = topic;
    this.#plan = plan;
    this.#say = say;
    this.#end = plan.publisher.delimiter.charCodeAt(0);
  }

  async open(): Promise<void> {
    const { mode, delimiter, slowTimeoutMs } = this.#plan.publisher;
    try {
      this.#outlet = await BusOutlet.open({
        mode,
        delimiter,
        slowTimeoutMs,
        signal: this.#ending.signal,
        origin: undefined,
        onDropped: ({ member, count }) => {
          const before = this.#dropped.get(member) ?? 0;
          this.#dropped.set(member, before + count);
        },
      }, this.#topic);
    } catch (error) {
      const isFifobus = error instanceof FifobusError;
      if (isFifobus && error.code === "bad_address") throw error;
      this.#fail(error);
    }
  }

  /** Takes a part of the stream; the array is not used after that. */
  add(chunk: Uint8Array<ArrayBuffer>): void {
    try {
      if (this.#outlet?.reaches(this.#topic)) return this.#offer(chunk);
    } catch (error) {
      this.#fail(error);
    }
    this.#skip(chunk, false);
  }

  /** Publishes the last line, and says what was not published. */
  async finish(): Promise<boolean> {
    const rest = this.#rest;
    if (rest && rest.length > 0) {
      this.#publish(concat([rest, Uint8Array.of(this.#end)]));
    }
    const timer = setTimeout(() => this.#ending.abort(), GRACE_MS);
    await this.#outlet?.close();
    clearTimeout(timer);
    if (this.#plan.report !== "nothing") this.#report();
    return this.#error === undefined;
  }

  /** A subscriber that comes within a line starts with the next one. */
  #skip(chunk: Uint8Array<ArrayBuffer>, isLate: boolean): void {
    const isWhole = chunk.at(-1) === this.#end;
    this.#rest = isWhole ? new Uint8Array() : undefined;
    this.#isCut = isLate && !isWhole;
  }

  #offer(chunk: Uint8Array<ArrayBuffer>): void {
    const before = this.#rest;
    if (!this.#hasRoom()) {
      this.#late += countBytes(chunk, this.#end);
      return this.#skip(chunk, true);
    }
    const end = chunk.lastIndexOf(this.#end) + 1;
    if (end === 0) {
      this.#rest = before && concat([before, chunk.slice()]);
      if (before && this.#isTooLong(this.#rest!.length)) {
        this.#rest = undefined;
        this.#refused++;
      }
      return;
    }
    if (this.#isCut) this.#late++;
    this.#isCut = false;
    this.#rest = chunk.slice(end);
    this.#publish(
      before
        ? concat([before, chunk.slice(0, end)])
        : chunk.slice(chunk.indexOf(this.#end) + 1, end),
    );
  }

  #publish(lines: Uint8Array<ArrayBuffer>): void {
    const outlet = this.#outlet!;
    this.#allowedBytes -= lines.length;
    for (let left = lines; left.length > 0;) {
      const bad = this.#findBad(left);
      const good = bad < 0 ? left : left.subarray(0, bad);
      const sending = { single: false, retain: false, replyTo: undefined };
      if (good.length > 0) {
        outlet.send(this.#topic, good, sending).catch((it) => this.#fail(it));
      }
      if (bad < 0) return;
      this.#refused++;
      left = left.subarray(left.indexOf(this.#end, bad) + 1);
    }
  }

  #hasRoom(): boolean {
    const now = performance.now();
    this.#allowedBytes = Math.min(
      MAX_BUFFERED_BYTES,
      this.#allowedBytes + (now - this.#allowedAt) * MAX_BYTES_PER_MS,
    );
    this.#allowedAt = now;
    return this.#allowedBytes > 0 &&
      this.#outlet!.bufferedBytes <= MAX_BUFFERED_BYTES;
  }

  /** Finds the first line that is too long or that a reader takes for a mark. */
  #findBad(lines: Uint8Array<ArrayBuffer>): number {
    const marked = findMarked(lines, this.#plan.publisher.delimiter);
    if (!this.#isTooLong(lines.length)) return marked;
    for (let start = 0; start < lines.length && start !== marked;) {
      const end = lines.indexOf(this.#end, start);
      if (this.#isTooLong(end - start)) return start;
      start = end + 1;
    }
    return marked;
  }

  #isTooLong(bytes: number): boolean {
    return bytes > this.#plan.publisher.maxBytes;
  }

  /** Only the first failure is told. */
  #fail(error: unknown): void {
    if (this.#error === undefined) this.#say(inWords(error));
    this.#error ??= error;
  }

  #report(): void {
    for (const [member, dropped] of this.#dropped) {
      this.#say(`${count(dropped)} dropped for subscriber ${member}`);
    }
    if (this.#late > 0) {
      this.#say(`${count(this.#late)} dropped: the subscribers were too slow`);
    }
    if (this.#refused > 0) {
      const reason = "too long, or like a mark of fifobus";
      this.#say(`${count(this.#refused)} not published: ${reason}`);
    }
  }
}

/**
 * Counts a byte, four at a time: a search for each line would take longer than
 * to copy the line.
 */
function countBytes(bytes: Uint8Array<ArrayBuffer>, byte: number): number {
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >>> 2);
  const pattern = byte * ONES;
  let found = 0;
  for (let i = 0; i < words.length;) {
    // Each byte of the sum counts up to 255.
    const end = Math.min(words.length, i + 255);
    let sum = 0;
    for (; i < end; i++) {
      const other = words[i]! ^ pattern;
      const isOther = ((other & LOW_BITS) + LOW_BITS | other) & ~LOW_BITS;
      sum += ~isOther >>> 7 & ONES;
    }
    for (let it = sum >>> 0; it > 0; it >>>= 8) found += it & 0xff;
  }
  for (const it of bytes.subarray(4 * words.length)) if (it === byte) found++;
  return found;
}
