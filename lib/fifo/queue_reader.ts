/**
 * Reading a FIFO, taking turns with its other readers.
 *
 * @module
 */
import { delay } from "../delay.ts";
import { inWords, reasonOf } from "../errors.ts";
import { WireMessage } from "../wire/message.ts";
import { Demand } from "../queues/demand.ts";
import { load } from "../load.ts";
import type { Message } from "../message.ts";
import type { Source } from "../source.ts";
import { concat, type Delimiter } from "../wire/framing.ts";
import { MessageSplitter } from "../wire/splitter.ts";
import {
  type Accept,
  isSameFile,
  PIPE_BUF,
  refuseOthers,
  wasReplaced,
} from "./file.ts";
import { QueueFile, type Rest } from "./queue_file.ts";
import {
  busFolder,
  findIn,
  isStale,
  NoQueueFile,
  openExisting,
  pathBeside,
  pathIn,
} from "./queue_header.ts";
import { FifoReader, READ_BYTES } from "./reader.ts";

/**
 * How long a reader that ends asks for the turn. A reader that waits for
 * messages gives it up at once; a suspended process does not.
 */
const MAX_WAIT_MS = 2000;

/** How often to try for the turn where a reader must not wait for it. */
const LOCK_RETRY_MS = 2;

/** How often a waiting reader checks whether its FIFO was replaced. */
const WATCH_MS = 500;

/** How long a FIFO may be gone: a script may call `rm` and then `mkfifo`. */
const GONE_MS = 400;

/** How often a busy reader checks that, and whether its queue file is the one. */
const LOOK_AGAIN_MS = 100;

/** How long readers by another name of the FIFO need to say where their file is. */
const NAMES_MS = 2 * WATCH_MS;

/** How often to retry to put messages back while the disk is full. */
const FULL_RETRY_MS = 200;

/** News for a subscriber, other than messages. */
export interface Notice {
  /**
   * What the notice is about, for programs:
   *
   * - `message_lost`: only a part of a message arrived, and was dropped.
   * - `no_queue`: readers of a FIFO cannot take turns: a message of more than
   *   PIPE_BUF bytes may be split between them.
   * - `not_kept`: messages cannot be put back now; the subscriber keeps trying.
   * - `not_a_message`: something written to the FIFO of a subscriber of the bus
   *   was not a topic, a tab and a message, and was dropped.
   * - `value_skipped`: the last value of a topic cannot be read, or is not a
   *   message that the subscriber takes.
   */
  code:
    | "message_lost"
    | "no_queue"
    | "not_kept"
    | "not_a_message"
    | "value_skipped";
  /** What the notice is about, for people. */
  text: string;
}

/** A wait for bytes. */
interface Wait extends Disposable {
  /** Whether it is being ended: the FIFO or the queue file is another one now. */
  isEnding: boolean;
  /** Settles when the wait is over. */
  over: Promise<void>;
}

/** How to read. */
export interface QueueReaderOptions {
  /** What ends a message. */
  delimiter: Delimiter;
  /** The longest message in bytes. */
  maxBytes: number;
  /**
   * Tells whether a record is a message with its topic before it. Other records
   * are dropped, and do not count.
   */
  isMessage?(record: WireMessage): boolean;
  /** How many messages are wanted. */
  demand: Demand;
  /**
   * Makes the folder of the bus, for a queue file that cannot be beside the
   * FIFO. Without this option, the file is beside the FIFO or nowhere.
   *
   * @throws {Error} If there can be no bus.
   */
  makeBus?(): Promise<unknown>;
  /**
   * Makes the FIFO again, if somebody has removed it.
   *
   * @returns A handle that keeps the FIFO open until this reader has opened it.
   * @throws {FifobusError} `not_a_fifo`, if it cannot be made.
   */
  remake(): Promise<Disposable | void>;
  /** Checks a FIFO that was just opened, and throws if we must not read it. */
  accept: Accept;
  /** Called with news other than messages. */
  onNotice(notice: Notice): void;
  /**
   * Called when the reader leaves: with the turn, before it closes the FIFO,
   * and while publishers are kept out. With this option, the FIFO stays open as
   * long as the reader.
   */
  onLeave?(): void;
}

/**
 * Reads messages from a FIFO that other fifobus readers may read as well.
 *
 * A reader that has the turn first takes messages that others have left, then
 * reads the FIFO. It hands out the messages that are wanted, and leaves the
 * rest to others. It gives up the turn before it hands messages out, so that a
 * reader that is busy with messages, or waits for an output, does not keep the
 * turn.
 */
export class QueueReader implements Source {
  readonly #path: string;
  readonly #options: QueueReaderOptions;
  readonly #splitter: MessageSplitter;
  #info: Deno.FileInfo;
  /** The folder of the bus, if the queue file may be there. */
  readonly #bus: string | undefined;
  /** Paths where a queue file turned out to be of no use. */
  readonly #useless = new Set<string>();
  #fifo: FifoReader | undefined;
  /** Messages that are not wanted yet, if they cannot be left to others. */
  #surplus: WireMessage[] = [];
  /** Messages that go back when it closes. */
  #unhandled: WireMessage[] = [];
  #queue: QueueFile | undefined;
  #hasTurn = false;
  /** Messages that did not get into a queue file because it was removed. */
  #carried: Uint8Array<ArrayBuffer> = new Uint8Array();
  #count = 0;
  /** Whether to let another reader go first that asked for the turn. */
  #stepsBack = false;
  /** Resolved to end a wait for the turn. */
  #waiting: PromiseWithResolvers<void> | undefined;
  #next: Promise<WireMessage[] | undefined> | undefined;
  /** When it last looked whether the queue file is the one to use. */
  #lookedAt = -Infinity;
  #lookedAtPath = performance.now();
  #waitForBytes: Wait | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #wasReplaced = false;
  #goneAt = Infinity;
  /** Keeps a remade FIFO open until this reader has opened it. */
  #held: Disposable | void = undefined;
  /** Why there is no queue file beside the FIFO. */
  #reason: unknown;
  #noticed = "";
  #isClosing = false;
  /** Whether the process that has the turn did not give it up. */
  #isAbandoned = false;
  /** Whether to leave what is in a FIFO that was replaced to its other readers. */
  #isTheirs = false;
  #hasLeft = false;
  #paused: PromiseWithResolvers<void> | undefined;
  #rests: PromiseWithResolvers<void> | undefined;
  #ended: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(path: string, options: QueueReaderOptions) {
    this.#path = path;
    this.#options = options;
    const { delimiter, maxBytes } = options;
    this.#splitter = new MessageSplitter(path, delimiter, maxBytes, {
      hasTopics: options.isMessage !== undefined,
    });
    this.#info = Deno.statSync(path);
    this.#bus = options.makeBus && busFolder();
  }

  /**
   * Opens a FIFO that exists. Publishers that wait for a reader proceed, unless
   * the demand is limited and others have left messages already.
   *
   * @param path Where it is.
   * @param options How to read.
   * @returns The reader.
   * @throws {FifobusError} `not_a_fifo`, `too_many_readers`.
   */
  static async open(
    path: string,
    options: QueueReaderOptions,
  ): Promise<QueueReader> {
    const reader = new QueueReader(path, options);
    const { isLimited, isOver } = options.demand;
    const isLazy = isLimited && !options.onLeave;
    await reader.#openQueue();
    // If we opened the FIFO now, a publisher would fill it again each time a
    // reader takes one message, and the queue file would grow.
    if (isLazy && (isOver || reader.#queue?.hasMessages)) return reader;
    try {
      await reader.#resolveBeginning();
      reader.#openFifo();
    } catch (error) {
      await reader.#discardQueue();
      await reader.#closeFiles();
      throw error;
    }
    return reader;
  }

  /**
   * Waits for messages. One call takes at most 64 KiB from the FIFO.
   *
   * @returns The next messages, at least one; undefined after the last.
   * @throws {FifobusError} `message_too_large`, after the messages before it.
   */
  next(): Promise<WireMessage[] | undefined> {
    const next = this.#readNext().finally(() => {
      if (this.#next === next) this.#next = undefined;
    });
    return this.#next = next;
  }

  /** Whether a message came from this FIFO. */
  takesBack({ topic }: WireMessage): boolean {
    return topic === this.#path;
  }

  /** Takes no messages until {@linkcode resume}: others can have the turn. */
  async pause(): Promise<void> {
    if (this.#paused) return;
    const paused = this.#paused = Promise.withResolvers<void>();
    const rests = this.#rests = Promise.withResolvers<void>();
    this.#options.demand.notify();
    if (this.#next) {
      await this.#ask(Promise.race([rests.promise, this.#next]), MAX_WAIT_MS);
    }
    // Leave the queue for the turn: if this process is suspended in it, the
    // readers behind would wait for this process.
    if (this.#paused === paused) this.#waiting?.resolve();
  }

  /** Continues after a pause. */
  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Takes no more messages; the others stay where they are. */
  end(): Promise<void> {
    return this.#ended ??= this.#end();
  }

  /**
   * Stops reading, and moves the messages in the FIFO to the queue file, where
   * they wait for the next reader.
   *
   * @param unhandled Messages that were handed out but not handled. Those that
   * came from this FIFO go back.
   * @returns When the FIFO is closed.
   */
  close(unhandled: Message[] = []): Promise<void> {
    return this.#closed ??= this.#close(unhandled);
  }

  /**
   * Puts messages back while the process ends, if nobody else has the turn.
   *
   * @param messages Messages that were taken but not handed out.
   * @returns Whether they are back: the process may continue, because somebody
   * may handle its error.
   */
  giveBackNow(messages: WireMessage[]): boolean {
    const back = [...this.#unhandled, ...messages, ...this.#surplus];
    const queue = this.#queue;
    if (back.length === 0 || !queue) return false;
    using turn = this.#hasTurn ? undefined : queue.lockAtExit();
    if (!this.#hasTurn && !turn) return false;
    const isBack = this.#isRight(queue) && queue.look();
    if (isBack) {
      queue.putFirst(WireMessage.frame(back, this.#options.delimiter));
      this.#surplus = [];
      // It may be about to close: then they must not go back again.
      this.#unhandled = [];
    }
    return isBack;
  }

  /**
   * Leaves messages for the next reader, behind the messages that wait already.
   *
   * @param bytes The messages, each with its delimiter.
   * @returns When they are in the queue file.
   * @throws {Error} If there is no queue file, or no room in it.
   */
  async leave(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const taking = this.#takeTurn();
    await this.#ask(taking, Infinity);
    await taking;
    const queue = this.#queue;
    if (!this.#hasTurn || !queue) throw this.#reason;
    const left = queue.read();
    const end = this.#options.delimiter.charCodeAt(0);
    const at = left.lastIndexOf(end) + 1;
    const all = concat([left.slice(0, at), bytes, left.slice(at)]);
    queue.put(all, left.length, queue.rest);
    if (queue.fault) throw queue.fault;
    this.#giveUpTurn();
  }

  async #readNext(): Promise<WireMessage[] | undefined> {
    const { demand } = this.#options;
    while (!this.#isOver) {
      if (this.#paused) {
        this.#rests!.resolve();
        await this.#paused.promise;
        continue;
      }
      if (demand.now === 0) {
        await demand.changed;
        continue;
      }
      if (!await this.#takeTurn()) continue;
      let messages;
      try {
        messages = await (this.#hasTurn
          ? this.#take(this.#queue!)
          : this.#takeUnshared());
        this.#count += messages.length;
        if (demand.isOver && !this.#hasLeft) {
          await this.#leave();
        }
      } finally {
        this.#giveUpTurn();
      }
      this.#reportLost();
      if (messages.length > 0) return messages;
    }
    if (this.#splitter.error) throw this.#splitter.error;
    return undefined;
  }

  /** Whether to leave new messages to others. */
  get #isResting(): boolean {
    return this.#isClosing || this.#paused !== undefined;
  }

  get #isOver(): boolean {
    return this.#isClosing || this.#hasLeft || this.#options.demand.isOver ||
      this.#splitter.error !== undefined;
  }

  async #end(): Promise<void> {
    this.#isClosing = true;
    this.resume();
    this.#options.demand.notify();
    const next = this.#next?.catch(() => {});
    if (!next) return;
    await this.#ask(next, MAX_WAIT_MS);
    this.#waiting?.resolve();
    await next;
  }

  async #close(unhandled: Message[]): Promise<void> {
    this.#unhandled = unhandled
      .filter((it) => it instanceof WireMessage)
      .filter((it) => this.takesBack(it));
    await this.end();
    const goesBack = this.#unhandled.length > 0;
    if (this.#hasLeft && !goesBack) return;
    if (this.#isAbandoned && !goesBack) return await this.#closeFiles();
    const taking = this.#takeTurn();
    // If a suspended process has the turn, we can leave without the turn and
    // lose nothing; only messages that go back have to wait for it.
    await this.#ask(taking, goesBack ? Infinity : MAX_WAIT_MS);
    this.#waiting?.resolve();
    if (await taking) await this.#leave();
    else await this.#closeFiles();
  }

  /** Asks the reader that waits for messages with the turn to give it up. */
  async #ask(over: Promise<unknown>, maxMs: number): Promise<void> {
    let isOver = false;
    const settled = over.then(() => isOver = true);
    // The turn is free most of the time.
    for (let i = 0; i < 20 && !isOver; i++) await Promise.resolve();
    const giveUpAt = performance.now() + MAX_WAIT_MS;
    // As in #resolveBeginning(). No reader waits for messages now.
    while (
      !isOver && !this.#fifo && this.#queue?.isBegun &&
      performance.now() < giveUpAt
    ) await delay(LOCK_RETRY_MS);
    if (isOver) return;
    let fifo;
    try {
      fifo = this.#openFifo();
    } catch {
      // The FIFO was removed, so we cannot ask anybody.
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, Math.min(maxMs, MAX_WAIT_MS));
      await Promise.race([settled, timeout.promise]);
      return clearTimeout(timer);
    }
    await fifo.nudge(settled, maxMs);
  }

  /** Waits for the turn; false if we stopped waiting. */
  async #takeTurn(): Promise<boolean> {
    if (this.#hasTurn) return true;
    while (true) {
      if (this.#isTheirs) {
        this.#isTheirs = false;
        await this.#moveOn();
      }
      if (!this.#queue && this.#fifo) await this.#restorePath();
      const queue = this.#queue ?? await this.#openQueue();
      if (!queue) return true;
      try {
        // The reader that waits has woken up, and is about to take the turn.
        if (this.#stepsBack) await delay(1);
        if (this.#stepsBack || !queue.tryLock()) {
          if (!await this.#wait(queue)) return false;
        }
        this.#stepsBack = this.#isAbandoned = false;
        this.#hasTurn = true;
        if (this.#isRight(queue) && queue.look()) {
          if (this.#carried.length > 0) queue.putFirst(this.#carried);
          this.#carried = new Uint8Array();
          return true;
        }
      } catch (error) {
        this.#useless.add(queue.path);
        this.#reason ??= error;
      }
      this.#hasTurn = false;
      this.#queue = undefined;
      queue.close();
    }
  }

  async #wait(queue: QueueFile): Promise<boolean> {
    const locked = queue.lock();
    const waiting = this.#waiting = Promise.withResolvers<void>();
    const isOurs = await Promise.race([
      locked.then(() => true),
      waiting.promise.then(() => false),
    ]);
    this.#waiting = undefined;
    if (!isOurs) {
      this.#isAbandoned = true;
      this.#queue = undefined;
      const close = () => queue.close();
      locked.then(close, close);
    }
    return isOurs;
  }

  #giveUpTurn(): void {
    // Messages that are only in memory would be lost without the turn.
    if (!this.#hasTurn) return;
    if (this.#queue!.fault) return this.#reportFull(this.#queue!);
    this.#hasTurn = false;
    this.#queue!.unlock();
  }

  async #take(queue: QueueFile): Promise<WireMessage[]> {
    queue.save();
    if (queue.rest === "begun" && !this.#fifo) {
      this.#arrive(queue, await loadNonblocking());
    }
    if (queue.rest === "foreign") {
      // The FIFO may have been replaced after we looked.
      this.#lookedAtPath = -Infinity;
      if (!this.#isReplaced()) this.#dropBeginning(queue);
    }
    this.#splitter.reset(this.#count);
    const messages = this.#takeLeft(queue);
    if (messages || this.#splitter.error) return messages ?? [];
    return await this.#takeNew(queue);
  }

  /**
   * Takes messages that others have left; undefined if no message is whole.
   */
  #takeLeft(queue: QueueFile): WireMessage[] | undefined {
    const splitter = this.#splitter;
    let offset = 0;
    let found: WireMessage[] = [];
    while (found.length === 0 && offset < queue.size && !splitter.error) {
      const chunk = queue.read(offset, READ_BYTES);
      offset += chunk.length;
      found = splitter.push(chunk);
    }
    if (found.length > 0) {
      // The bytes behind these messages stay in the file.
      splitter.reset(this.#count);
      const { taken, rest } = this.#choose(found);
      const used = found.slice(0, found.length - rest.length);
      const length = used.reduce((sum, { length }) => sum + length + 1, 0);
      queue.take(length, this.#restAfter(queue, length));
      return taken;
    }
    if (splitter.error) this.#dropLeft(queue, offset);
    return undefined;
  }

  /** Drops the first message, which is over the limit. */
  #dropLeft(queue: QueueFile, offset: number): void {
    const splitter = this.#splitter;
    const end = this.#options.delimiter.charCodeAt(0);
    let dropped = offset - splitter.takeUnread().length;
    if (splitter.isSkipping) {
      const at = queue.read(offset).indexOf(end);
      if (at < 0) queue.markTorn();
      dropped = at < 0 ? queue.size : offset + at + 1;
    }
    queue.take(dropped, this.#restAfter(queue, dropped));
  }

  /** How the messages in the file end after some of them were taken. */
  #restAfter(queue: QueueFile, taken: number): Rest {
    const { rest } = queue;
    if (!this.#fifo || rest === "torn" || rest === "foreign") return rest;
    return this.#restOf(queue.read(Math.max(taken, queue.size - 1)));
  }

  #restOf(bytes: Uint8Array): Rest {
    const end = this.#options.delimiter.charCodeAt(0);
    return bytes.length === 0 || bytes.at(-1) === end ? "whole" : "begun";
  }

  /**
   * Finds out what became of the beginning of a message in the queue file, whose
   * readers may all have been killed, before this reader opens the FIFO.
   */
  async #resolveBeginning(): Promise<void> {
    const queue = this.#queue;
    if (!queue?.isBegun) return;
    const nonblocking = await loadNonblocking();
    const giveUpAt = performance.now() + MAX_WAIT_MS;
    // A reader with the turn may be about to find out: it must not take this
    // reader for one that has had the FIFO open.
    if (!queue.tryLock()) {
      const timer = setInterval(() => {
        if (queue.isBegun && performance.now() < giveUpAt) return;
        this.#waiting?.resolve();
      }, LOCK_RETRY_MS);
      const isOurs = await this.#wait(queue);
      clearInterval(timer);
      if (!isOurs) return;
    }
    this.#hasTurn = true;
    try {
      if (this.#isRight(queue) && queue.look() && queue.rest === "begun") {
        this.#arrive(queue, nonblocking);
      }
    } catch (error) {
      // Reported when this reader takes a turn.
      if (!(error instanceof NoQueueFile)) throw error;
    } finally {
      this.#giveUpTurn();
    }
    this.#reportLost();
  }

  /**
   * Opens the FIFO. The message that begins in the queue file continues in it
   * only if somebody has had it open ever since.
   */
  #arrive(
    queue: QueueFile,
    nonblocking: Awaited<ReturnType<typeof loadNonblocking>>,
  ): void {
    if (nonblocking?.isRead(this.#path, true) !== false) return;
    // Whatever comes next ends the beginning: the publisher is still within the
    // message, and sends it again; or it was killed, and the next one says so.
    // Asked before the FIFO is open: then others begin messages of their own.
    if (queue.isPublisherTorn) return void this.#openFifo();
    using first = nonblocking.readAtOnce(this.#path, READ_BYTES);
    this.#openFifo();
    // What is there may be the rest, or a message of a publisher that has waited
    // for a reader: we cannot know.
    this.#dropBeginning(queue, first.bytes);
  }

  /** Drops the beginning of a message, and what else may be of that message. */
  #dropBeginning(
    queue: QueueFile,
    more: Uint8Array<ArrayBuffer> = new Uint8Array(),
  ): void {
    const splitter = this.#splitter;
    const end = this.#options.delimiter.charCodeAt(0);
    const left = queue.read();
    const begun = left.length - left.lastIndexOf(end) - 1;
    splitter.reset(this.#count);
    splitter.dropRest();
    const messages = splitter.push(more.length > 0 ? more : Uint8Array.of(end));
    splitter.takeWakes();
    this.#put(queue, messages, begun, splitter);
  }

  /** Takes messages from the FIFO, and leaves the ones that are not wanted. */
  async #takeNew(queue: QueueFile): Promise<WireMessage[]> {
    const splitter = this.#splitter;
    if (this.#fifo && this.#isReplaced()) {
      await this.#drain(this.#fifo, queue);
      // Its rest would have come in the old FIFO.
      if (this.#hasTurn && queue.rest === "begun") this.#dropBeginning(queue);
      await this.#moveOn();
      return [];
    }
    const fifo = this.#openFifo();
    const { strangers } = fifo;
    const begun = queue.size;
    if (queue.rest === "torn") {
      // A reader was killed with the beginning of the message that continues
      // here.
      splitter.takeRest();
      splitter.dropRest();
    }
    let messages: WireMessage[] = [];
    using wait = this.#startWait();
    while (messages.length === 0 && !this.#isResting && !splitter.error) {
      if (fifo.strangers > strangers || wait.isEnding) break;
      queue.markReading(splitter.isInMessage);
      messages = await fifo.read(splitter);
    }
    // In a group, a member that took a message lets waiting members go first.
    this.#stepsBack = fifo.strangers > strangers ||
      this.#options.onLeave !== undefined;
    const { taken, rest } = this.#choose(messages);
    this.#put(queue, rest, begun, splitter);
    return taken;
  }

  /** Splits records into the messages that are wanted now, and the rest. */
  #choose(
    records: WireMessage[],
  ): { taken: WireMessage[]; rest: WireMessage[] } {
    const { demand, isMessage } = this.#options;
    if (this.#isResting) return { taken: [], rest: records };
    if (!isMessage) {
      const taken = demand.take(records);
      return { taken, rest: records.slice(taken.length) };
    }
    const messages: WireMessage[] = [];
    let used = 0;
    for (; used < records.length && messages.length < demand.now; used++) {
      if (isMessage(records[used]!)) messages.push(records[used]!);
    }
    return { taken: demand.take(messages), rest: records.slice(used) };
  }

  /** Whether another FIFO has replaced this one; a look costs 2 µs. */
  #isReplaced(): boolean {
    const now = performance.now();
    if (this.#wasReplaced || now - this.#lookedAtPath < LOOK_AGAIN_MS) {
      return this.#wasReplaced;
    }
    this.#lookedAtPath = now;
    try {
      const info = Deno.statSync(this.#path);
      this.#goneAt = Infinity;
      this.#wasReplaced = !isSameFile(info, this.#info);
      if (!this.#wasReplaced) this.#info = info;
    } catch {
      this.#goneAt = Math.min(this.#goneAt, now);
      this.#wasReplaced = now - this.#goneAt >= GONE_MS;
    }
    return this.#wasReplaced;
  }

  /** Waits for the path, or remakes the FIFO: the whole folder may be gone. */
  async #restorePath(): Promise<void> {
    while (!this.#isResting && !this.#isThere()) {
      if (this.#isReplaced()) this.#held ??= await this.#options.remake();
      else await delay(LOOK_AGAIN_MS);
    }
  }

  #isThere(): boolean {
    try {
      Deno.statSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }

  /** Starts to wait for bytes, until {@linkcode #look} ends that. */
  #startWait(): Wait {
    const over = Promise.withResolvers<void>();
    return this.#waitForBytes = {
      isEnding: false,
      over: over.promise,
      [Symbol.dispose]: () => {
        this.#waitForBytes = undefined;
        over.resolve();
      },
    };
  }

  /** Ends a waiting read when the FIFO or its queue file is another one now. */
  #look(): void {
    const isReplaced = this.#isReplaced();
    const queue = this.#queue;
    if (queue && this.#info.nlink !== 1) this.#tellNames(queue);
    const isMisplaced = queue !== undefined && this.#isMisplaced(queue);
    // The readers of another FIFO may have the turn there, and keep it; or those
    // of another name of the FIFO that was at the path before.
    if (queue && this.#waiting && this.#next && !this.#isResting) {
      this.#isTheirs = isReplaced && this.#isInBus(queue);
      const isOther = isMisplaced && !this.#isInBus(queue);
      if (this.#isTheirs || isOther) this.#waiting.resolve();
    }
    const wait = this.#waitForBytes;
    if (!wait || wait.isEnding || !(isReplaced || isMisplaced)) return;
    wait.isEnding = true;
    this.#fifo?.nudge(wait.over);
  }

  /** Opens the FIFO that is at the path now, after the old one is empty. */
  async #moveOn(): Promise<void> {
    this.#closeFifo();
    this.#lookedAt = -Infinity;
    const queue = this.#queue;
    // There, its name is that of the old FIFO.
    if (queue && this.#hasTurn && this.#isInBus(queue)) {
      const messages = queue.read();
      queue.clear();
      queue.remove();
      this.#carry(queue, messages);
    }
    using _held = this.#held ?? await this.#options.remake() ?? undefined;
    this.#held = undefined;
    this.#info = Deno.statSync(this.#path);
    if (this.#queue) this.#queue.fifo = this.#info;
    this.#wasReplaced = false;
    this.#goneAt = Infinity;
    this.#openFifo();
  }

  #put(
    queue: QueueFile,
    messages: WireMessage[],
    replaced: number,
    splitter: MessageSplitter,
    isOver = false,
  ): void {
    const framed = WireMessage.frame(messages, this.#options.delimiter);
    const { isSkipping } = splitter;
    const rest = splitter.error
      ? splitter.takeUnread()
      : isSkipping
      ? new Uint8Array()
      : splitter.takeRest();
    const bytes = concat([framed, rest]);
    if (bytes.length === 0 || queue.isInPlace) {
      const end = isOver ? "whole" : this.#restOf(bytes);
      return queue.put(bytes, replaced, isSkipping ? "torn" : end);
    }
    // Somebody has removed the file, and other readers use a new one by now.
    const kept = queue.read(0, queue.size - replaced);
    this.#carry(queue, concat([kept, bytes]));
  }

  /** Takes messages along to another queue file, and gives up the turn here. */
  #carry(queue: QueueFile, messages: Uint8Array<ArrayBuffer>): void {
    this.#carried = concat([this.#carried, messages]);
    this.#hasTurn = false;
    this.#queue = undefined;
    queue.close();
  }

  /**
   * Reads without turns, because there can be no queue file. Messages that are
   * not wanted now wait in this process, where others do not get them.
   */
  async #takeUnshared(): Promise<WireMessage[]> {
    const splitter = this.#splitter;
    const fifo = this.#openFifo();
    {
      using wait = this.#startWait();
      while (
        this.#surplus.length === 0 && !this.#isResting && !splitter.error &&
        !wait.isEnding
      ) this.#surplus = await fifo.read(splitter);
    }
    if (this.#isReplaced() && !this.#isResting) {
      const read = async () => {
        this.#surplus.push(...await fifo.read(splitter));
      };
      await fifo.empty(read);
      await this.#moveOn();
    }
    const { taken, rest } = this.#choose(this.#surplus);
    this.#surplus = rest;
    return taken;
  }

  /** Leaves all unhandled messages to the next reader, and closes. */
  async #leave(): Promise<void> {
    this.#hasLeft = true;
    await this.#retakeTurn();
    if (this.#hasTurn) await this.#leaveTo(this.#queue!);
    else await this.#leaveUnshared();
    await this.#closeFiles();
  }

  /** Takes the turn again for messages whose queue file was removed. */
  async #retakeTurn(): Promise<QueueFile | undefined> {
    if (!this.#hasTurn && this.#carried.length > 0) {
      const taking = this.#takeTurn();
      await this.#ask(taking, Infinity);
      await taking;
    }
    return this.#queue;
  }

  /** Writes unhandled messages into the FIFO again, for its other readers. */
  async #leaveUnshared(): Promise<void> {
    if (this.#splitter.isInMessage) {
      this.#notify("message_lost", "a message had not come to its end");
    }
    const back = [...this.#unhandled, ...this.#surplus];
    if (back.length === 0) return;
    this.#unhandled = [];
    this.#surplus = [];
    const { delimiter } = this.#options;
    const isBack = await this.#openFifo().putBack(
      WireMessage.frame(back, delimiter),
    );
    if (isBack) return;
    this.#notify("message_lost", `${back.length} messages cannot go back`);
  }

  async #leaveTo(queue: QueueFile): Promise<void> {
    queue.save();
    if (this.#fifo) await this.#drain(this.#fifo, queue);
    queue = await this.#retakeTurn() ?? queue;
    if (this.#unhandled.length > 0) {
      const { delimiter } = this.#options;
      queue.putFirst(WireMessage.frame(this.#unhandled, delimiter));
      this.#unhandled = [];
    } else this.#removeEmpty(queue);
    this.#options.onLeave?.();
    while (queue.fault) {
      this.#reportFull(queue);
      await delay(FULL_RETRY_MS);
      queue.save();
    }
  }

  /** Empties the FIFO into the queue file. */
  async #drain(fifo: FifoReader, queue: QueueFile): Promise<void> {
    const { delimiter } = this.#options;
    // No limit here: the next reader has a limit of its own.
    const splitter = new MessageSplitter(this.#path, delimiter, Infinity);
    const left = queue.read();
    const begun = left.slice(left.lastIndexOf(delimiter.charCodeAt(0)) + 1);
    const isForeign = queue.rest === "foreign";
    // As in #takeNew(): the FIFO continues within a message.
    if (queue.rest === "torn") splitter.dropRest();
    else if (!isForeign) splitter.push(begun);
    const messages: WireMessage[] = [];
    let isAlone;
    queue.markLeaving(true);
    try {
      isAlone = await fifo.empty(async () => {
        queue.markReading(splitter.isInMessage);
        messages.push(...await fifo.read(splitter));
      });
    } finally {
      queue.markLeaving(false);
    }
    // With the publishers kept out, what has begun is of a plain program, unless
    // a publisher was killed within it: the next one writes an end, which may be
    // gone with the FIFO before anybody reads it.
    const isPlain = isAlone && !queue.isPublisherTorn && !this.#wasReplaced;
    if (isForeign) {
      return queue.putFirst(WireMessage.frame(messages, delimiter));
    }
    this.#put(queue, messages, begun.length, splitter, isPlain);
  }

  #openFifo(): FifoReader {
    if (this.#fifo) return this.#fifo;
    const { delimiter, accept } = this.#options;
    const fifo = new FifoReader(this.#path, delimiter, accept);
    if (isSameFile(fifo.info, this.#info)) {
      // One timer for all reads: one for each would cost as much as its turn.
      this.#watch = setInterval(() => this.#look(), WATCH_MS);
      // A read that waits keeps the process alive by itself.
      Deno.unrefTimer(this.#watch);
      return this.#fifo = fifo;
    }
    fifo.close();
    throw wasReplaced(this.#path);
  }

  /**
   * Opens the queue file: the one in the folder of the bus, as long as it
   * exists; else the one beside the FIFO; else a new one.
   */
  async #openQueue(): Promise<QueueFile | undefined> {
    this.#lookedAt = -Infinity;
    const places = [
      () => findIn(this.#bus, this.#info),
      () => this.#beside(),
      () => this.#makeInBus(),
      // Instead of the new file, another reader may have made a link there.
      () => findIn(this.#bus, this.#info),
    ];
    for (const place of places) {
      try {
        const path = await place();
        if (path === undefined || this.#useless.has(path)) continue;
        const queue = await QueueFile.open(path, this.#info);
        this.#queue = queue;
        if (this.#isInBus(queue)) this.#checkShared();
        else if (this.#info.nlink !== 1) await this.#tellNames(queue);
        return queue;
      } catch (error) {
        this.#reason ??= error;
      }
    }
    // A reader that ends has nothing more to share.
    if (!this.#isClosing) this.#reportUnshared(inWords(this.#reason));
    return undefined;
  }

  #beside(): string {
    const path = pathBeside(this.#path);
    // Each name of the FIFO would have its own queue file.
    if (this.#info.nlink === 1 || !this.#options.makeBus) return path;
    if (this.#isUsable(path)) return path;
    throw new NoQueueFile(`${this.#path}: the FIFO has several names`);
  }

  async #makeInBus(): Promise<string | undefined> {
    if (this.#bus === undefined) return undefined;
    await this.#options.makeBus?.();
    if (this.#info.nlink !== 1 && !this.#fifo) await this.#waitForNames();
    const found = findIn(this.#bus, this.#info);
    if (found !== undefined) return found;
    this.#removeLink();
    return pathIn(this.#bus, this.#info);
  }

  /**
   * Waits until readers by another name of the FIFO have said where their queue
   * file is.
   */
  async #waitForNames(): Promise<void> {
    const nonblocking = await loadNonblocking();
    const giveUpAt = performance.now() + NAMES_MS;
    while (
      findIn(this.#bus, this.#info) === undefined &&
      nonblocking?.isRead(this.#path, true) && performance.now() < giveUpAt
    ) await delay(LOCK_RETRY_MS);
  }

  /** Says where the queue file is to readers by other names of the FIFO. */
  async #tellNames(queue: QueueFile): Promise<void> {
    if (this.#bus === undefined || findIn(this.#bus, this.#info)) return;
    try {
      await this.#options.makeBus?.();
      this.#removeLink();
      Deno.symlinkSync(queue.path, pathIn(this.#bus, this.#info));
    } catch {
      // Another reader has said it, or nobody may.
    }
  }

  /**
   * Whether a locked queue file is the one to use; looks every 100 ms at most,
   * and when the file was just opened. Readers that make two files at a moment
   * look when they have the lock, and so at least one of them sees the other.
   */
  #isRight(queue: QueueFile): boolean {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_AGAIN_MS) return true;
    this.#lookedAt = now;
    if (!queue.isInPlace) return false;
    if (!this.#isMisplaced(queue)) return true;
    if (!this.#isInBus(queue)) return false;
    // What is in it comes first, and publishers must not be about to mark it.
    if (queue.isNew) queue.remove();
    else if (queue.isEmpty) this.#fifo?.whileLocked(() => queue.remove());
    return queue.isInPlace;
  }

  /**
   * Whether another queue file is the one to use; or this one is in the folder
   * of the bus though there is one beside the FIFO, perhaps of another user. It
   * must agree with {@linkcode #openQueue}, or the reader opens the same file
   * again and again.
   */
  #isMisplaced(queue: QueueFile): boolean {
    try {
      const found = findIn(this.#bus, this.#info);
      const beside = pathBeside(this.#path);
      if (found === queue.path) {
        return this.#isInBus(queue) && this.#isUsable(beside);
      }
      if (found !== undefined && this.#isUsable(found)) return true;
      return queue.path !== beside && isStale(queue.path, this.#info);
    } catch {
      // The FIFO is not at its path now.
      return false;
    }
  }

  /** Whether it is in the folder of the bus; the FIFO may be there as well. */
  #isInBus({ path }: QueueFile): boolean {
    return this.#bus !== undefined && path === pathIn(this.#bus, this.#info);
  }

  /** Whether a queue file exists that can be used. */
  #isUsable(path: string): boolean {
    try {
      const queue = this.#useless.has(path)
        ? undefined
        : openExisting(path, this.#info);
      queue?.file.close();
      return queue !== undefined;
    } catch {
      return false;
    }
  }

  /** Removes a queue file without messages, and a link to it. */
  #removeEmpty(queue: QueueFile): void {
    if (queue.size > 0 || queue.rest !== "whole") return;
    const found = findIn(this.#bus, this.#info);
    if (found === undefined || found === queue.path) this.#removeLink();
    queue.remove();
  }

  /** Removes the link to a queue file, if there is one. */
  #removeLink(): void {
    if (this.#bus === undefined) return;
    try {
      const link = pathIn(this.#bus, this.#info);
      if (Deno.lstatSync(link).isSymlink) Deno.removeSync(link);
    } catch {
      // There is none, or it is another user's.
    }
  }

  /** Removes an empty queue file of a FIFO that we may not read. */
  async #discardQueue(): Promise<void> {
    const queue = this.#queue;
    if (await queue?.lockSoon() && queue?.look()) this.#removeEmpty(queue);
  }

  #checkShared(): void {
    const { mode } = this.#info;
    const isShared = [0o060, 0o006].some((rw) => (mode! & rw) === rw);
    if (isShared && (Deno.lstatSync(this.#bus!).mode! & 0o022) === 0) {
      this.#reportUnshared(
        `others do not see the queue file in "${this.#bus}"`,
      );
    }
  }

  #reportUnshared(reason: string): void {
    this.#notify(
      "no_queue",
      `its readers cannot take turns, and may part messages of more than ` +
        `${PIPE_BUF} bytes between them: ${reason}`,
    );
  }

  #reportFull({ path, fault }: QueueFile): void {
    const reason = reasonOf(fault);
    this.#notify(
      "not_kept",
      `messages for its next reader cannot be written to "${path}", and are ` +
        `kept here until they can: ${reason}`,
    );
  }

  #reportLost(): void {
    const lost = this.#splitter.takeLost();
    if (lost === 0) return;
    const what = lost === 1 ? "1 message was" : `${lost} messages were`;
    this.#notify(
      "message_lost",
      `${what} dropped: whoever wrote or read it was ended within it`,
    );
  }

  /** Sends a notice, but the same notice only once in a row. */
  #notify(code: Notice["code"], reason: string): void {
    const text = `${this.#path}: ${reason}`;
    if (code !== "message_lost" && this.#noticed === text) return;
    this.#noticed = text;
    this.#options.onNotice({ code, text });
  }

  async #closeFifo(): Promise<void> {
    clearInterval(this.#watch);
    const fifo = this.#fifo;
    this.#fifo = undefined;
    await fifo?.close();
  }

  async #closeFiles(): Promise<void> {
    const closed = this.#closeFifo();
    this.#queue?.close();
    this.#queue = undefined;
    this.#hasTurn = false;
    await closed;
  }
}

/**
 * Loads the module here, as it takes 30 ms and few readers need it.
 *
 * @returns The module; undefined if the permission to read it is missing.
 */
async function loadNonblocking(): Promise<
  typeof import("./nonblocking.ts") | undefined
> {
  return await load<typeof import("./nonblocking.ts")>(
    import.meta.resolve("./nonblocking.ts"),
  ).catch(() => undefined);
}

/**
 * Leaves a message for the next reader of a FIFO that nobody reads.
 *
 * @param message The message.
 * @param path The FIFO.
 * @param delimiter What ends a message.
 * @param makeBus Makes the folder of the bus.
 * @returns When it is in the queue file.
 * @throws {Error} If there is no queue file, or no room in it.
 */
export async function leaveMessage(
  message: Uint8Array<ArrayBuffer>,
  path: string,
  delimiter: Delimiter,
  makeBus: () => Promise<unknown>,
): Promise<void> {
  const reader = await QueueReader.open(path, {
    delimiter,
    maxBytes: Infinity,
    demand: new Demand(0),
    makeBus,
    remake: () => Promise.resolve(),
    accept: refuseOthers(path, undefined),
    onNotice: () => {},
  });
  try {
    const end = Uint8Array.of(delimiter.charCodeAt(0));
    await reader.leave(concat([message, end]));
  } finally {
    await reader.close();
  }
}
