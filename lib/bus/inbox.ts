/**
 * A process is one member of the bus, with one inbox: a FIFO with a name for
 * each of its filters.
 *
 * @module
 */
import { ensureFifo } from "../fifo/file.ts";
import type { Notice } from "../fifo/queue_reader.ts";
import { FifoReader } from "../fifo/reader.ts";
import type { Delimiter } from "../framing.ts";
import type { Message } from "../message.ts";
import { MessageQueue } from "../message_queue.ts";
import { MessageSplitter } from "../splitter.ts";
import { matchesTopic, REPLY_PREFIX } from "../topic.ts";
import { Answers } from "./answers.ts";
import {
  memberName,
  removeIfThere,
  subscriptionName,
  sweep,
} from "./folder.ts";
import { readRetained } from "./retained.ts";
import { Strays } from "./strays.ts";

/** How many topics an inbox remembers the Subscribers of. */
const MAX_CACHED_TOPICS = 1000;

/**
 * What two topics, its own and that of the answers, may add to the length of a
 * message: each the longest in MQTT.
 */
export const MAX_TAG_BYTES = 2 * 65_536;

/** How to join the bus. */
export interface JoinOptions {
  /** The folder of the bus. */
  folder: string;
  /** Its permissions. */
  mode: number;
  /** What ends a message. */
  delimiter: Delimiter;
  /** The longest message in bytes. */
  maxBytes: number;
  /** Whether to start with the last values; nothing else is sent if "only". */
  retained: boolean | "only";
  /** Messages with this mark are not wanted. */
  origin: string | undefined;
  /** Is told what is not a message. */
  onNotice(notice: Notice): void;
}

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
    // Answers have an inbox of their own: who makes a request for a message
    // would else wait behind all other messages that it has not read.
    const answers = filters.every((it) => it.startsWith(REPLY_PREFIX));
    const { folder, delimiter, maxBytes, origin } = options;
    const key = JSON.stringify([folder, delimiter, maxBytes, answers, origin]);
    let opening = inboxes.get(key);
    if (!opening) {
      const release = () => {
        if (inboxes.get(key) === opening) inboxes.delete(key);
      };
      opening = Inbox.open(options, release);
      opening.catch(release);
      inboxes.set(key, opening);
    }
    (await opening).add(membership);
  }
  if (options.retained) {
    // Read after the names are there, so that no value falls between.
    membership.preface(readRetained(options.folder, filters));
  }
  if (options.retained === "only") membership.finish();
  return membership;
}

/** What one Subscriber gets of its process's inbox. */
export class Membership {
  /** Its filters. */
  readonly filters: string[];
  /** Is told what is not a message. */
  readonly onNotice: (notice: Notice) => void;
  readonly #queue: MessageQueue;
  #inbox: Inbox | undefined;
  #left: Promise<void> | undefined;

  /** Creates one that nothing is sent to yet. */
  constructor(
    filters: string[],
    { maxBytes, onNotice }: Pick<JoinOptions, "maxBytes" | "onNotice">,
  ) {
    this.filters = filters;
    this.onNotice = onNotice;
    this.#queue = new MessageQueue(maxBytes);
  }

  /** Whether it holds up its inbox. */
  get isFull(): boolean {
    return this.#queue.isFull;
  }

  /** Waits for messages. */
  async next(): Promise<Message[] | undefined> {
    const messages = await this.#queue.next();
    this.#inbox?.resume();
    return messages;
  }

  /** Leaves the bus; what was sent before can still be read. */
  end(): Promise<void> {
    return this.#left ??= this.#leave();
  }

  /** Leaves the bus. */
  close(): Promise<void> {
    return this.end();
  }

  async #leave(): Promise<void> {
    await this.#inbox?.remove(this);
    this.finish();
  }

  /** Is told where its messages come from. */
  attach(inbox: Inbox): void {
    this.#inbox = inbox;
  }

  /** Whether a message is for this Subscriber. */
  wants(topic: string): boolean {
    return this.filters.some((filter) => matchesTopic(filter, topic));
  }

  /** Takes a message. */
  push(message: Message): void {
    this.#queue.add(message);
  }

  /** Takes the last values, which come before all others. */
  preface(messages: Message[]): void {
    this.#queue.addFirst(messages);
  }

  /** Nothing more will come. */
  finish(error?: unknown): void {
    this.#queue.end(error);
  }
}

/** One FIFO, read for all Subscribers of this process. */
class Inbox {
  readonly #folder: string;
  readonly #delimiter: Delimiter;
  readonly #member: string;
  readonly #splitter: MessageSplitter;
  readonly #reader: FifoReader;
  readonly #delivering: Promise<void>;
  readonly #onClosed: () => void;
  readonly #answers: Answers;
  readonly #strays = new Strays((notice) => {
    for (const { onNotice } of this.#memberships) onNotice(notice);
  });
  readonly #memberships = new Set<Membership>();
  /** How many Subscribers have each filter. */
  readonly #filters = new Map<string, number>();
  #marks: { number: number; passed: PromiseWithResolvers<void> }[] = [];
  #leaving = 0;
  /** Whether nothing more will be read. */
  #over = false;
  readonly #routes = new Map<string, Membership[]>();
  #resume: () => void = () => {};

  private constructor(
    options: JoinOptions,
    member: string,
    onClosed: () => void,
  ) {
    const { folder, delimiter, maxBytes } = options;
    this.#folder = folder;
    this.#delimiter = delimiter;
    this.#member = member;
    this.#onClosed = onClosed;
    this.#answers = new Answers(options);
    const limit = maxBytes + MAX_TAG_BYTES;
    this.#splitter = new MessageSplitter(this.#hidden, delimiter, limit, {
      hasTopics: true,
    });
    this.#reader = new FifoReader(this.#hidden, delimiter);
    this.#delivering = this.#deliver();
  }

  /**
   * Makes the FIFO under a hidden name and opens it, so that a name which can
   * be seen always has a reader.
   */
  static async open(
    options: JoinOptions,
    onClosed: () => void,
  ): Promise<Inbox> {
    const member = memberName(options.origin);
    await sweep(options.folder);
    await ensureFifo(`${options.folder}/.${member}`, options.mode & 0o666);
    return new Inbox(options, member, onClosed);
  }

  get #hidden(): string {
    return `${this.#folder}/.${this.#member}`;
  }

  /** Sends a Subscriber its messages from now on. */
  add(membership: Membership): void {
    const added: string[] = [];
    try {
      for (const filter of membership.filters) {
        const subscribers = this.#filters.get(filter) ?? 0;
        if (subscribers === 0) Deno.linkSync(this.#hidden, this.#path(filter));
        this.#filters.set(filter, subscribers + 1);
        added.push(filter);
      }
    } catch (error) {
      this.#removeFilters(added);
      if (this.#memberships.size === 0) this.#close();
      throw error;
    }
    this.#memberships.add(membership);
    this.#routes.clear();
    membership.attach(this);
  }

  /** Stops sending to a Subscriber, once all that came before is delivered. */
  async remove(membership: Membership): Promise<void> {
    if (!this.#memberships.has(membership)) return;
    this.#removeFilters(membership.filters);
    const isLast = this.#memberships.size === 1;
    if (isLast) this.#onClosed();
    if (!this.#over) await this.#passMark();
    if (isLast) this.#strays.report();
    this.#memberships.delete(membership);
    this.#routes.clear();
    if (this.#memberships.size === 0) await this.#close();
  }

  /** A Subscriber has taken its messages. */
  resume(): void {
    this.#resume();
  }

  async #deliver(): Promise<void> {
    const answer = this.#answers.send.bind(this.#answers);
    try {
      while (!this.#over) {
        for (const raw of await this.#reader.read(this.#splitter)) {
          const message = raw.untagged(answer);
          if (!message) {
            this.#strays.add();
            continue;
          }
          for (const membership of this.#route(message.topic)) {
            membership.push(message);
          }
        }
        this.#passMarks(this.#reader.passed);
        if (this.#splitter.error) throw this.#splitter.error;
        // Who leaves must not wait for those who do not read.
        while (this.#leaving === 0 && this.#isHeldUp()) {
          await new Promise<void>((resolve) => this.#resume = resolve);
        }
      }
    } catch (error) {
      for (const membership of this.#memberships) membership.finish(error);
    }
    this.#over = true;
    this.#passMarks(Infinity);
  }

  #route(topic: string): Membership[] {
    let route = this.#routes.get(topic);
    if (!route) {
      route = [...this.#memberships].filter((it) => it.wants(topic));
      if (this.#routes.size >= MAX_CACHED_TOPICS) this.#routes.clear();
      this.#routes.set(topic, route);
    }
    return route;
  }

  /** Waits until all that is in the FIFO now is delivered. */
  async #passMark(): Promise<void> {
    const passed = Promise.withResolvers<void>();
    this.#marks.push({ number: this.#reader.mark(), passed });
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
      removeIfThere(this.#path(filter));
    }
  }

  #path(filter: string): string {
    const name = subscriptionName(filter, this.#member, this.#delimiter);
    return `${this.#folder}/${name}`;
  }

  async #close(): Promise<void> {
    this.#onClosed();
    removeIfThere(this.#hidden);
    if (!this.#over) {
      this.#over = true;
      this.#resume();
      await this.#reader.nudge(this.#delivering);
    }
    this.#reader.close();
    await this.#answers.close();
  }
}
