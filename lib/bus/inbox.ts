/**
 * A process is one member of the bus, with one inbox: messages written to its
 * FIFO go to its Subscribers.
 *
 * @module
 */
import { delay } from "../delay.ts";
import { onExit } from "../leftovers.ts";
import { everySecond } from "../ticks.ts";
import type { WireMessage } from "../wire/message.ts";
import { REPLY_PREFIX } from "../topic.ts";
import { MessageSplitter } from "../wire/splitter.ts";
import { Answers } from "./answers.ts";
import { FilterTree } from "./filter_tree.ts";
import { isYoung, lstatIfThere, openBus, sweep } from "./folder.ts";
import { type JoinOptions, MAX_TAG_BYTES } from "./join_options.ts";
import { Membership, type MembershipSource } from "./membership.ts";
import { parseGap } from "./missed.ts";
import { NamedFifo } from "./named_fifo.ts";
import { readRetained } from "./retained.ts";
import { Strays } from "./strays.ts";
import { TopicCache } from "./topic_cache.ts";

/**
 * How long to keep reading a FIFO whose names were removed: a publisher that
 * has just listed the subscribers still writes to it.
 */
const SETTLE_MS = 50;

const inboxes = new Map<string, Promise<Inbox>>();

/**
 * Subscribes to topics.
 *
 * @param filters The filters, checked.
 * @param options How to join.
 * @returns Their messages.
 */
export async function join(
  filters: string[],
  options: JoinOptions,
): Promise<Membership> {
  const membership = new Membership(filters, options);
  if (options.retained !== "only") {
    // An inbox that has failed, and is about to close, takes no Subscribers.
    while (!(await openInbox(filters, options)).add(membership));
  }
  try {
    // Read them after the names exist, so that no value is missed in between.
    if (options.retained) await preface(membership, options);
  } catch (error) {
    await membership.close();
    throw error;
  }
  if (options.retained === "only") membership.finish();
  return membership;
}

/** Returns the inbox for some filters; opens it if it is not open yet. */
function openInbox(filters: string[], options: JoinOptions): Promise<Inbox> {
  // Answers have a separate inbox: otherwise a subscriber that makes a request
  // while it handles a message would wait behind all messages that it has not
  // read.
  const answers = filters.every((it) => it.startsWith(REPLY_PREFIX));
  const { bus, delimiter, maxBytes, origin } = options;
  const key = JSON.stringify([bus.path, delimiter, maxBytes, answers, origin]);
  let opening = inboxes.get(key);
  if (!opening) {
    const release = () => {
      if (inboxes.get(key) === opening) inboxes.delete(key);
    };
    opening = Inbox.open(options, release);
    opening.catch(release);
    inboxes.set(key, opening);
  }
  return opening;
}

/** Puts the last values ahead of all other messages. */
async function preface(
  membership: Membership,
  options: JoinOptions,
): Promise<void> {
  const { bus } = options;
  const values = await readRetained(bus, membership.filters, options);
  if (values.length === 0) return;
  // A value published after the names were made also comes as a message.
  await membership.settle();
  membership.preface(values);
}

/** Reads one FIFO at a time for all Subscribers of this process. */
class Inbox implements MembershipSource {
  readonly #options: JoinOptions;
  readonly #delivering: Promise<void>;
  readonly #onClosed: () => void;
  readonly #answers: Answers;
  readonly #memberships = new Set<Membership>();
  /** Subscribers that may still answer messages they have received. */
  readonly #answering = new Set<Membership>();
  readonly #strays = new Strays((notice) => {
    for (const { onNotice } of this.#memberships) onNotice(notice);
  });
  /** How many Subscribers have each filter. */
  readonly #filters = new Map<string, number>();
  /** Checks that the names are still there. */
  #watch: Disposable;
  readonly #exit: Disposable;
  /** The FIFO that has the names; it is usually the one that we read. */
  #fifo: NamedFifo;
  #reading: NamedFifo;
  /** The number of the marker at which we stop reading #reading. */
  #lastMark = Infinity;
  #splitter: MessageSplitter;
  #seen = "";
  #marks: { number: number; passed: PromiseWithResolvers<void> }[] = [];
  #leaving = 0;
  #isClosed = false;
  #closed: Promise<void> | undefined;
  /** Whether reading is over. */
  #over = false;
  readonly #tree = new FilterTree<Membership>();
  readonly #routes = new TopicCache<Membership[]>();
  #resume: () => void = () => {};

  private constructor(
    options: JoinOptions,
    fifo: NamedFifo,
    onClosed: () => void,
  ) {
    this.#options = options;
    this.#fifo = this.#reading = fifo;
    this.#onClosed = onClosed;
    this.#answers = new Answers(options);
    this.#splitter = this.#makeSplitter();
    this.#watch = everySecond(() => this.#look());
    this.#exit = onExit({
      cleanUp: (isOver) =>
        isOver ? this.#removeNames() : this.#fifo.hide(this.#filters.keys()),
      revive: () => this.#fifo.mend(this.#filters.keys()),
    });
    this.#delivering = this.#deliver();
  }

  /** Opens an inbox without any filter. */
  static async open(
    options: JoinOptions,
    onClosed: () => void,
  ): Promise<Inbox> {
    await sweep(options.bus.path);
    return new Inbox(options, await NamedFifo.open(options), onClosed);
  }

  #makeSplitter(): MessageSplitter {
    const { bus, delimiter, maxBytes } = this.#options;
    // Errors name the bus: the name of the FIFO would not help anybody.
    return new MessageSplitter(bus.path, delimiter, maxBytes + MAX_TAG_BYTES, {
      hasTopics: true,
    });
  }

  /**
   * Sends a Subscriber its messages from now on.
   *
   * @param membership The Subscriber.
   * @returns True, or false if the inbox is closed.
   * @throws {FifobusError} `bad_address`, if a filter is too long;
   * `unsafe_bus`.
   */
  add(membership: Membership): boolean {
    if (this.#isClosed) return false;
    const added: string[] = [];
    try {
      for (const filter of membership.filters) {
        const subscribers = this.#filters.get(filter) ?? 0;
        if (subscribers === 0) this.#fifo.link(filter);
        this.#filters.set(filter, subscribers + 1);
        added.push(filter);
      }
    } catch (error) {
      this.#removeFilters(added);
      if (this.#memberships.size === 0) this.#close().catch(() => {});
      throw error;
    }
    this.#memberships.add(membership);
    this.#answering.add(membership);
    for (const filter of membership.filters) {
      this.#tree.add(filter, membership);
    }
    this.#routes.clear();
    membership.attach(this);
    return true;
  }

  /** Stops sending to a Subscriber, after delivering all earlier messages. */
  async remove(membership: Membership): Promise<void> {
    if (!this.#memberships.has(membership)) return;
    this.#removeFilters(membership.filters);
    const isLast = this.#memberships.size === 1;
    if (isLast) this.#release();
    await this.passMark();
    if (isLast) this.#strays.report();
    this.#memberships.delete(membership);
    for (const filter of membership.filters) {
      this.#tree.delete(filter, membership);
    }
    this.#routes.clear();
    if (this.#memberships.size === 0) await this.#close();
  }

  /**
   * Sends no more answers for a Subscriber. The last one closes the answers:
   * until then, Subscribers may still be working on them.
   */
  async release(membership: Membership): Promise<void> {
    this.#answering.delete(membership);
    if (this.#answering.size === 0) await this.#answers.close();
  }

  /** Continues reading: a Subscriber has taken its messages. */
  resume(): void {
    this.#resume();
  }

  async #deliver(): Promise<void> {
    const answer = this.#answers.send.bind(this.#answers);
    try {
      while (!this.#over) {
        const { reader } = this.#reading;
        for (const raw of await reader.read(this.#splitter)) {
          const message = raw.untagged(answer);
          if (!message) this.#note(raw);
          else {
            for (const membership of this.#route(message.topic)) {
              membership.push(message);
            }
          }
        }
        this.#passMarks(reader.passed);
        this.#reportLost();
        if (this.#splitter.error) throw this.#splitter.error;
        if (reader.passed >= this.#lastMark) this.#goOn();
        // A Subscriber that leaves must not wait for Subscribers that do not
        // read.
        while (this.#leaving === 0 && this.#isHeldUp()) {
          await new Promise<void>((resolve) => this.#resume = resolve);
        }
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#over = true;
    this.#passMarks(Infinity);
  }

  /**
   * Ends all Subscribers, and closes, so that publishers do not wait for it.
   */
  #fail(error: unknown): void {
    for (const membership of this.#memberships) membership.finish(error);
    this.#close().catch(() => {});
  }

  /** Reports messages that were lost because a publisher was killed. */
  #reportLost(): void {
    const lost = this.#splitter.takeLost();
    if (lost === 0) return;
    const what = lost === 1 ? "1 message was" : `${lost} messages were`;
    const text = `${what} dropped: a publisher was ended within one`;
    for (const { onNotice } of this.#memberships) {
      onNotice({ code: "message_lost", text });
    }
  }

  /** Handles a record that is not a message. */
  #note(record: WireMessage): void {
    const gap = parseGap(record);
    if (!gap) return this.#strays.add();
    const { topic, count } = gap;
    const missed = topic === undefined ? this.#memberships : this.#route(topic);
    for (const membership of missed) membership.miss(count);
  }

  #route(topic: string): Membership[] {
    return this.#routes.get(topic, (it) => this.#tree.match(it));
  }

  /** Waits until everything that is in the FIFO now is delivered. */
  async passMark(): Promise<void> {
    if (this.#over) return;
    const passed = Promise.withResolvers<void>();
    this.#marks.push({ number: this.#reading.reader.mark(), passed });
    this.#leaving++;
    this.#resume();
    await passed.promise;
    this.#leaving--;
  }

  #isHeldUp(): boolean {
    for (const { isFull } of this.#memberships) if (isFull) return true;
    return false;
  }

  #passMarks(number: number): void {
    while (this.#marks.length > 0 && this.#marks[0]!.number <= number) {
      this.#marks.shift()!.passed.resolve();
    }
  }

  #removeFilters(filters: string[]): void {
    for (const filter of filters) {
      const subscribers = this.#filters.get(filter)! - 1;
      this.#filters.set(filter, subscribers);
      if (subscribers > 0) continue;
      this.#filters.delete(filter);
      this.#fifo.unlink(filter);
    }
  }

  #removeNames(): void {
    this.#fifo.unlinkAll(this.#filters.keys());
  }

  /** Checks that the names are there: cleaners and logouts remove them. */
  #look(): void {
    const isMoving = this.#fifo !== this.#reading;
    if (this.#over || isMoving || this.#isUnchanged()) return;
    try {
      const isFolder = lstatIfThere(this.#options.bus.path)?.isDirectory;
      if (isFolder && this.#fifo.mend(this.#filters.keys())) return;
    } catch {
      // Move it instead.
    }
    this.#move().catch((error) => this.#fail(error));
  }

  /** One look at the folder costs 2 µs, as much as a look at each name. */
  #isUnchanged(): boolean {
    const info = lstatIfThere(this.#options.bus.path);
    if (!info) return false;
    const { dev, ino, mtime } = info;
    const seen = `${dev} ${ino} ${mtime!.getTime()}`;
    const isUnchanged = seen === this.#seen;
    this.#seen = isYoung(mtime!.getTime()) ? "" : seen;
    return isUnchanged;
  }

  /**
   * Gives the names to another FIFO, because this FIFO has lost all of them.
   */
  async #move(): Promise<void> {
    this.#watch[Symbol.dispose]();
    const old = this.#fifo;
    // Makes the folder again, if that is gone, too.
    await openBus(this.#options.bus.mode);
    const fifo = await NamedFifo.open(this.#options);
    if (this.#over) {
      fifo.unlinkAll([]);
      return fifo.close();
    }
    this.#fifo = fifo;
    for (const filter of this.#filters.keys()) fifo.link(filter);
    await delay(SETTLE_MS);
    if (!this.#over) this.#lastMark = old.reader.mark();
  }

  /**
   * Changes to the new FIFO: the one that lost its names is read to the end.
   */
  #goOn(): void {
    this.#reading.close();
    this.#reading = this.#fifo;
    this.#lastMark = Infinity;
    this.#splitter = this.#makeSplitter();
    this.#passMarks(Infinity);
    this.#watch = everySecond(() => this.#look());
  }

  /** Takes no more Subscribers. */
  #release(): void {
    this.#isClosed = true;
    this.#onClosed();
  }

  #close(): Promise<void> {
    return this.#closed ??= this.#closeAll();
  }

  async #closeAll(): Promise<void> {
    this.#release();
    this.#removeNames();
    this.#over = true;
    this.#resume();
    await this.#reading.reader.nudge(this.#delivering);
    this.#watch[Symbol.dispose]();
    this.#exit[Symbol.dispose]();
    const fifos = new Set([this.#fifo, this.#reading]);
    await Promise.all([...fifos].map((fifo) => fifo.close()));
  }
}
