/**
 * Reading some messages of a FIFO, and leaving the others to its next reader.
 *
 * @module
 */
import type { Budget } from "./budget.ts";
import { PIPE_BUF } from "./fifo.ts";
import { FifoReader, READ_BYTES } from "./fifo_reader.ts";
import { concat, type Delimiter, Message, wakeMarker } from "./framing.ts";
import { NonblockingFifo } from "./nonblocking_fifo.ts";
import { Outbox } from "./outbox.ts";
import { Turns } from "./turns.ts";

/** How long to pause between two looks at the FIFO: at first, and at most. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 20;

/**
 * Who leaves a FIFO full for so long does not read it. Until then a publisher
 * that waits for room has the lock, and with another reader most of the time: it
 * is tried once a millisecond.
 */
const FULL_MS = 100;

/** How long it is taken for granted then that nobody else reads. */
const ALONE_MS = 1000;

/**
 * So many wake markers in a row have to vanish until it is sure that others wait
 * for messages: one may have been taken by a reader of our kind that has ended.
 */
const MAX_MISSES = 3;

/** The rest of a message that does not come for so long is not on its way. */
const STALLED_MS = 20;

/** What is known of the other readers. */
type State =
  /** Nothing. */
  | "unknown"
  /** A wake marker is in the FIFO: nobody reads while it stays there. */
  | "watched"
  /** The beginning of a message is ours, so its end is ours, too. */
  | "in message"
  /** Others wait for messages. */
  | "shared";

/**
 * Reads no more messages than are wanted.
 *
 * A read of as many bytes as messages are wanted never takes too much: each has
 * a delimiter at least. But it may end within a message, and another reader would
 * get the rest. So it is for a reader that is alone. Beside others each read takes
 * all that is there, which parts no message of up to PIPE_BUF bytes, and what is
 * too much is written into the FIFO again, where they make room for it. Alone
 * that would never end beside a publisher who keeps the FIFO full.
 *
 * Nothing tells a program in Deno who else reads. So a wake marker, which our
 * readers drop, is left in the empty FIFO: while it is there nobody reads, and
 * what comes behind it can be taken byte by byte. If it has vanished, somebody
 * waits in read(2), and so must we, as the kernel serves those who wait there in
 * turn. And who leaves a FIFO full does not read it.
 *
 * What is left:
 * - A reader that knows nothing of markers (`cat`, `read` of the shell) prints
 *   them if it reads at the same time, and what it reads byte by byte is parted.
 * - A reader that did not read for 20 ms and goes on within the microseconds in
 *   which a message is taken byte by byte (1 µs each) is given its end.
 * - A publisher who fills the FIFO within the microseconds between the read and
 *   what goes back, or after the other readers were killed: then what goes back
 *   waits until somebody reads. It comes after what was published meanwhile.
 */
export class FifoLimitedReader {
  readonly #path: string;
  readonly #delimiter: Delimiter;
  readonly #budget: Budget;
  readonly #reader: FifoReader;
  readonly #turns: Turns;
  readonly #marker: Uint8Array<ArrayBuffer>;
  /** For what is taken only if it fits whole into a page of the FIFO. */
  readonly #pageOfMarkers: Uint8Array<ArrayBuffer>;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #fifo: NonblockingFifo | undefined;
  #state: State = "unknown";
  #fullSince: number | undefined;
  #aloneUntil = -Infinity;
  #misses = 0;
  #messages: Message[] = [];
  #surplus: Message[] = [];
  #unwritten: Uint8Array<ArrayBuffer> = new Uint8Array();
  #waiting: Promise<void> | undefined;
  #closing = false;
  #closed: Promise<void> | undefined;
  #endPause: () => void = () => {};

  /**
   * Opens a FIFO that exists.
   *
   * @param path Where it is.
   * @param delimiter What ends a message.
   * @param maxBytes How long a message may be.
   * @param budget How many messages are wanted.
   * @throws {FifobusError} `not_a_fifo`, `too_many_readers`.
   */
  constructor(
    path: string,
    delimiter: Delimiter,
    maxBytes: number,
    budget: Budget,
  ) {
    this.#path = path;
    this.#delimiter = delimiter;
    this.#budget = budget;
    this.#reader = new FifoReader(path, delimiter, maxBytes);
    this.#turns = new Turns(path);
    this.#marker = wakeMarker(delimiter);
    const count = Math.floor(PIPE_BUF / this.#marker.length);
    this.#pageOfMarkers = concat(Array(count).fill(this.#marker));
  }

  /**
   * Waits for messages.
   *
   * @returns The next messages, one at least, which are taken off the budget;
   * undefined after the last.
   * @throws {FifobusError} `message_too_large`, after the messages before it.
   */
  async next(): Promise<Message[] | undefined> {
    if (!this.#isDone) await (this.#waiting = this.#wait());
    if (this.#messages.length === 0 && this.#reader.error) {
      throw this.#reader.error;
    }
    if (this.#messages.length === 0) await this.close();
    const messages = this.#messages;
    this.#messages = [];
    return messages.length > 0 ? messages : undefined;
  }

  /**
   * Stops reading. What was taken from the FIFO and is within the budget is still
   * handed out by {@linkcode next}; what is not goes back.
   *
   * @returns When the FIFO is closed.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Whether there is nothing to wait for. */
  get #isDone(): boolean {
    return this.#closing || this.#messages.length > 0 ||
      this.#budget.left === 0 || this.#reader.error !== undefined;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    this.#endPause();
    try {
      await this.#reader.interrupt();
      await this.#waiting?.catch(() => {});
      if (this.#state === "watched") await this.#turns.take(() => this.#look());
      if (this.#budget.left === 0) await this.#putBack();
    } finally {
      await this.#reader.close();
      let messages;
      while ((messages = await this.#reader.next().catch(() => undefined))) {
        this.#accept(messages);
      }
      this.#turns[Symbol.dispose]();
      this.#fifo?.[Symbol.dispose]();
    }
  }

  /** Waits for messages, for the end of the budget, or to be closed. */
  async #wait(): Promise<void> {
    let pauseMs = MIN_PAUSE_MS;
    while (!this.#isDone) {
      // So many bytes hold no more messages than that.
      if (this.#state === "shared" || this.#budget.left >= READ_BYTES) {
        await this.#readAll();
        continue;
      }
      await this.#open();
      await this.#turns.take(() => this.#look());
      if (this.#isDone) break;
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
  }

  async #open(): Promise<NonblockingFifo> {
    return this.#fifo ??= await NonblockingFifo.open(
      this.#path,
      this.#reader.info,
    );
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #accept(messages: Message[]): void {
    const taken = this.#budget.take(messages);
    this.#messages = this.#messages.concat(taken);
    this.#surplus = this.#surplus.concat(messages.slice(taken.length));
  }

  /** Waits in read(2), as the other readers do. */
  async #readAll(): Promise<void> {
    const { wakes } = this.#reader;
    const arrived = await this.#reader.nextArrived();
    this.#accept(arrived?.messages ?? []);
    if (this.#reader.wakes === wakes) return;
    // Another reader closes, or it looks whether it is alone.
    this.#state = "unknown";
    this.#misses = 0;
  }

  /** Looks what is in the FIFO; all at once, as others may read any time. */
  #look(): void {
    if (this.#isDone && this.#state !== "watched") return;
    if (this.#state === "watched") this.#lookBehindMarker();
    else if (this.#state === "in message") this.#takeExactly();
    else if (this.#takeAllIfRoom()) this.#fullSince = undefined;
    else {
      const now = performance.now();
      this.#fullSince ??= now;
      if (now > this.#aloneUntil) {
        if (now - this.#fullSince < FULL_MS) return;
        this.#aloneUntil = now + ALONE_MS;
      }
      this.#fullSince = undefined;
      this.#takeExactly();
    }
  }

  /**
   * Takes all that is there, and writes what is too much of it into the FIFO
   * again before a publisher of ours can fill it.
   */
  #takeAllIfRoom(): boolean {
    const fifo = this.#fifo!;
    if (!fifo.tryLock()) return false;
    try {
      if (!fifo.tryWrite(this.#pageOfMarkers)) return false;
      this.#takeAll();
      this.#putBackAtOnce();
    } finally {
      fifo.unlock();
    }
    return true;
  }

  #putBackAtOnce(): void {
    // Its end would come behind what goes back.
    if (this.#reader.isInMessage) return;
    const end = this.#delimiter.charCodeAt(0);
    let bytes = Message.frame(this.#surplus, this.#delimiter);
    this.#surplus = [];
    while (bytes.length > 0) {
      const fits = bytes.length <= PIPE_BUF
        ? bytes.length
        : bytes.lastIndexOf(end, PIPE_BUF - 1) + 1 || PIPE_BUF;
      if (!this.#fifo!.tryWrite(bytes.subarray(0, fits))) break;
      bytes = bytes.subarray(fits);
    }
    this.#unwritten = bytes;
  }

  #lookBehindMarker(): void {
    const start = this.#read(this.#marker.length);
    if (!start) {
      if (this.#closing) return;
      if (++this.#misses < MAX_MISSES) this.#watch();
      else this.#state = "shared";
    } else if (this.#marker.every((byte, i) => byte === start[i])) {
      this.#misses = 0;
      this.#reader.take(start);
      this.#takeExactly();
    } else {
      this.#accept(this.#reader.take(start));
      this.#takeAll();
      this.#putBackAtOnce();
    }
  }

  /** Takes all that is there, so that no message is parted. */
  #takeAll(): void {
    const chunk = this.#read(READ_BYTES);
    if (chunk) this.#accept(this.#reader.take(chunk));
    this.#goOn();
  }

  /** Takes no more than is wanted, byte by byte in the end. */
  #takeExactly(): void {
    if (this.#closing) return;
    let left;
    while ((left = this.#budget.left) > 0) {
      const chunk = this.#read(left, this.#delimiter.charCodeAt(0));
      if (!chunk) break;
      this.#accept(this.#reader.take(chunk));
      if (this.#reader.error) break;
    }
    this.#goOn();
  }

  /** Sees to it that messages which come from now on are noticed. */
  #goOn(): void {
    if (this.#reader.isInMessage) this.#state = "in message";
    else if (this.#budget.left === 0 || this.#closing) this.#state = "unknown";
    else this.#watch();
  }

  #watch(): void {
    this.#state = this.#fifo!.tryWrite(this.#marker) ? "watched" : "unknown";
  }

  /**
   * Reads what is there.
   *
   * @param size How many bytes; how many messages, if they are to be counted.
   * @param end What ends a message, to count them.
   */
  #read(size: number, end?: number): Uint8Array<ArrayBuffer> | undefined {
    let length = 0;
    for (let left = size; left > 0 && length < READ_BYTES;) {
      const room = this.#buffer.subarray(length, length + left);
      const count = this.#fifo!.tryRead(room);
      length += count;
      if (count === 0 || end === undefined) break;
      for (let i = 0; i < count; i++) if (room[i] === end) left--;
    }
    return length > 0 ? this.#buffer.slice(0, length) : undefined;
  }

  /** Writes what is too much into the FIFO again. */
  async #putBack(): Promise<void> {
    const isAll = this.#surplus.length + this.#unwritten.length === 0;
    if (isAll && !this.#reader.isInMessage) return;
    const fifo = await this.#open();
    // What has come since goes behind it, to keep the order; and of a message
    // that was begun there must be all.
    for (let stalledMs = 0; stalledMs < STALLED_MS;) {
      const chunk = this.#read(READ_BYTES);
      if (chunk) this.#accept(this.#reader.take(chunk));
      else if (!this.#reader.isInMessage) break;
      else await this.#pause(stalledMs += MIN_PAUSE_MS);
    }
    const outbox = new Outbox((bytes) => fifo.write(bytes), PIPE_BUF);
    const surplus = concat([
      this.#unwritten,
      Message.frame(this.#surplus, this.#delimiter),
    ]);
    this.#surplus = [];
    await outbox.addAll(surplus, this.#delimiter.charCodeAt(0));
    const beginning = this.#reader.takeBeginning();
    if (beginning) await fifo.write(beginning);
  }
}
