/**
 * Reading some messages of a FIFO, and leaving the others to its next reader.
 *
 * @module
 */
import type { Budget } from "./budget.ts";
import { PIPE_BUF } from "./fifo.ts";
import { FifoReader, READ_BYTES } from "./fifo_reader.ts";
import { concat, type Delimiter } from "./framing.ts";
import { wakeMarker } from "./marks.ts";
import { Message } from "./message.ts";
import { NonblockingFifo } from "./nonblocking_fifo.ts";
import { Outbox } from "./outbox.ts";
import { Turns } from "./turns.ts";

/** How long to pause between two looks at the FIFO: at first, and at most. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 20;

/** Who leaves a FIFO full for so long, at each look, does not read it. */
const FULL_MS = 200;

/** How long it is taken for granted then that nobody else reads. */
const ALONE_MS = 1000;

/**
 * So many wake markers in a row have to vanish until it is sure that others wait
 * for messages: one may have been taken by a reader of our kind that has ended.
 */
const MAX_MISSES = 3;

/**
 * A publisher has the lock most of the time while it fills the FIFO, which takes
 * it a millisecond, and all the time when it is full. If there is room after so
 * many looks, one a millisecond, somebody makes it.
 */
const MAX_LOCKED_OUT = 10;

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
 * readers drop, is left in the empty FIFO. If it has vanished, somebody waits in
 * read(2), and so must we, as the kernel serves those who wait there in turn. If
 * not, that is no proof: who was woken by it may still wait for a processor. So
 * all is read and the surplus goes back there, too, while publishers are locked
 * out. Only a FIFO that stays full is read byte by byte, as who leaves it full
 * does not read it.
 *
 * What is left:
 * - A reader that knows nothing of markers (`cat`, `read` of the shell) prints
 *   them if it reads at the same time, and what it reads byte by byte is parted.
 * - A reader that left the FIFO full for 0.2 s and goes on within the microseconds in
 *   which a message is taken byte by byte (1 µs each) is given its end.
 * - A publisher that takes no lock, or any on Deno 2.6, and fills the FIFO within
 *   the microseconds between the read and what goes back, or while nobody reads
 *   any more who did: then what goes back waits until somebody reads, and comes
 *   after what was published meanwhile.
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
  #lockedOut = 0;
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
      // A reader that makes room must not be overlooked.
      const isBusy = this.#fullSince !== undefined || this.#lockedOut > 0;
      if (isBusy) pauseMs = MIN_PAUSE_MS;
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
    else if (!this.#lookForRoom()) this.#lookAtFull();
  }

  /**
   * Takes all that is there if there is room for more, and writes what is too
   * much of it into the FIFO again before a publisher of ours can fill it.
   *
   * @returns False if there is no room.
   */
  #lookForRoom(): boolean {
    const fifo = this.#fifo!;
    const locked = fifo.tryLock();
    if (!locked && ++this.#lockedOut < MAX_LOCKED_OUT) return true;
    try {
      if (!fifo.tryWrite(this.#pageOfMarkers)) return false;
      this.#fullSince = undefined;
      this.#lockedOut = 0;
      // Without the lock, what goes back might find no room.
      if (locked) this.#takeAll();
    } finally {
      if (locked) fifo.unlock();
    }
    return true;
  }

  #lookAtFull(): void {
    const now = performance.now();
    this.#fullSince ??= now;
    if (now > this.#aloneUntil) {
      if (now - this.#fullSince < FULL_MS) return;
      this.#aloneUntil = now + ALONE_MS;
    }
    this.#fullSince = undefined;
    this.#lockedOut = 0;
    this.#takeExactly();
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

  /**
   * Looks whether the marker is still there. All is read with it: were it only
   * the marker's bytes, they could be the first ones of a message by now, whose
   * end somebody gets who waits in read(2).
   */
  #lookBehindMarker(): void {
    const fifo = this.#fifo!;
    if (!fifo.tryLock()) {
      if (++this.#lockedOut >= MAX_LOCKED_OUT) this.#state = "unknown";
      return;
    }
    try {
      this.#lockedOut = 0;
      const chunk = this.#read(READ_BYTES);
      if (chunk) {
        this.#misses = 0;
        this.#accept(this.#reader.take(chunk));
        this.#putBackAtOnce();
        this.#goOn();
      } else if (this.#closing) return;
      else if (++this.#misses < MAX_MISSES) this.#watch();
      else this.#state = "shared";
    } finally {
      fifo.unlock();
    }
  }

  /** Takes all that is there, so that no message is parted. */
  #takeAll(): void {
    const chunk = this.#read(READ_BYTES);
    if (chunk) this.#accept(this.#reader.take(chunk));
    this.#putBackAtOnce();
    this.#goOn();
  }

  /** Takes no more than is wanted, byte by byte in the end. */
  #takeExactly(): void {
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
