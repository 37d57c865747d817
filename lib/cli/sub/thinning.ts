/**
 * Lets fewer messages through than arrive: `sub --every`, `--settle` and
 * `--changes`.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { WireMessage } from "../../wire/message.ts";

/** Which messages to let through. */
export interface ThinningOptions {
  /** How long to hold a message back, in milliseconds; a newer one replaces it. */
  holdMs: number | undefined;
  /** Whether a newer message of the topic starts the time again. */
  restarts: boolean;
  /** Whether to leave out a message that is the same as the last of its topic. */
  changes: boolean;
}

/** A message that is held back. */
interface Held {
  message: Message;
  /** When it is due. */
  dueAt: number;
}

/**
 * With more bytes than this, the oldest messages are forgotten, and those that
 * are due first are let through.
 */
const MAX_REMEMBERED_BYTES = 64 * 1024 * 1024;

/**
 * Held messages are views of what was read at once, and keep that. After this
 * many bytes they become copies: by then, newer ones have replaced most of them.
 */
const MAX_VIEWED_BYTES = 8 * 1024 * 1024;

/** About what a topic takes beside its message. */
const TOPIC_BYTES = 256;

/** Decides which messages are let through, and when. It has no clock. */
export class Thinning {
  readonly #options: ThinningOptions;
  /** By topic. All wait for the same time, so the first one is due first. */
  readonly #held = new Map<string, Held>();
  #heldBytes = 0;
  #viewedBytes = 0;
  /** The last message of each topic that was let through. */
  readonly #last = new Map<string, Uint8Array>();
  #lastBytes = 0;

  /**
   * Creates a filter that holds nothing back yet.
   *
   * @param options Which messages to let through.
   */
  constructor(options: ThinningOptions) {
    this.#options = options;
  }

  /** How many messages are held back. */
  get held(): number {
    return this.#held.size;
  }

  /** When the next message is due; Infinity if none is held back. */
  get dueAt(): number {
    for (const { dueAt } of this.#held.values()) return dueAt;
    return Infinity;
  }

  /**
   * Takes messages.
   *
   * @param messages The messages.
   * @param now The time, in milliseconds.
   * @returns The messages to let through at once.
   */
  add(messages: Message[], now: number): Message[] {
    const { holdMs, restarts } = this.#options;
    if (holdMs === undefined) return this.#changed(messages);
    const dueAt = now + holdMs;
    for (const message of messages) {
      const held = this.#held.get(message.topic);
      this.#heldBytes += message.length +
        (held ? -held.message.length : TOPIC_BYTES);
      if (held && !restarts) held.message = message;
      else {
        // It goes to the end, where the latest ones are.
        this.#held.delete(message.topic);
        this.#held.set(message.topic, { message, dueAt });
      }
    }
    this.#viewedBytes += WireMessage.bufferBytes(messages);
    if (this.#viewedBytes > MAX_VIEWED_BYTES) this.#compact();
    return this.#changed(
      this.#take(() => this.#heldBytes > MAX_REMEMBERED_BYTES),
    );
  }

  /**
   * Takes out the messages that were held back for long enough.
   *
   * @param now The time; Infinity for all messages.
   * @returns The messages to let through.
   */
  due(now: number): Message[] {
    return this.#changed(this.#take((dueAt) => dueAt <= now));
  }

  #compact(): void {
    for (const { message } of this.#held.values()) {
      if (message instanceof WireMessage) message.compact();
    }
    this.#viewedBytes = 0;
  }

  /** Takes out held messages, the first ones, as long as they are to go. */
  #take(goes: (dueAt: number) => boolean): Message[] {
    const messages: Message[] = [];
    for (const [topic, { message, dueAt }] of this.#held) {
      if (!goes(dueAt)) break;
      messages.push(message);
      this.#held.delete(topic);
      this.#heldBytes -= TOPIC_BYTES + message.length;
    }
    return messages;
  }

  #changed(messages: Message[]): Message[] {
    if (!this.#options.changes) return messages;
    return messages.filter(({ topic, bytes }) => {
      const last = this.#last.get(topic);
      const isSame = last?.length === bytes.length &&
        bytes.every((byte, i) => byte === last[i]);
      if (isSame) return false;
      this.#remember(topic, bytes.slice());
      return true;
    });
  }

  #remember(topic: string, bytes: Uint8Array): void {
    this.#forget(topic);
    this.#last.set(topic, bytes);
    this.#lastBytes += TOPIC_BYTES + bytes.length;
    for (const oldest of this.#last.keys()) {
      if (this.#lastBytes <= MAX_REMEMBERED_BYTES || oldest === topic) return;
      this.#forget(oldest);
    }
  }

  #forget(topic: string): void {
    const last = this.#last.get(topic);
    if (last) this.#lastBytes -= TOPIC_BYTES + last.length;
    this.#last.delete(topic);
  }
}

/** Reads messages through a {@linkcode Thinning}. */
export class ThinnedReader {
  readonly #read: () => Promise<Message[] | undefined>;
  readonly #thinning: Thinning;
  /** Messages that are let through, but that nobody has read yet. */
  #ready: Message[] = [];
  /** The pending read, which goes on while messages become due. */
  #reading: Promise<{ arrived: Message[] | undefined }> | undefined;
  #isOver = false;

  /**
   * Creates a reader.
   *
   * @param read Reads the next messages; undefined after the last ones.
   * @param options Which messages to let through.
   */
  constructor(
    read: () => Promise<Message[] | undefined>,
    options: ThinningOptions,
  ) {
    this.#read = read;
    this.#thinning = new Thinning(options);
  }

  /** How many messages nobody has read yet. */
  get held(): number {
    return this.#ready.length + this.#thinning.held;
  }

  /**
   * Waits for messages that are let through.
   *
   * @param max How many messages to return at most.
   * @returns At least one message; undefined after the last one. At the end,
   * nothing stays behind: what is held back is let through.
   */
  async read(max = Infinity): Promise<Message[] | undefined> {
    while (this.#ready.length === 0 && !this.#isOver) {
      const result = await this.#next();
      this.#isOver = result !== undefined && !result.arrived;
      const now = performance.now();
      this.#ready = [
        ...this.#thinning.add(result?.arrived ?? [], now),
        ...this.#thinning.due(this.#isOver ? Infinity : now),
      ];
    }
    return this.#ready.length > 0 ? this.#ready.splice(0, max) : undefined;
  }

  /** Waits for the next messages, but not past the time of a held one. */
  async #next(): Promise<{ arrived: Message[] | undefined } | undefined> {
    this.#reading ??= this.#read().then((arrived) => ({ arrived }));
    // It may fail while nobody waits for it; the next read tells.
    this.#reading.catch(() => {});
    const { dueAt } = this.#thinning;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const due = new Promise<undefined>((resolve) => {
      if (dueAt === Infinity) return;
      const waitMs = Math.max(0, dueAt - performance.now());
      timer = setTimeout(() => resolve(undefined), waitMs);
    });
    const result = await Promise.race([this.#reading, due]);
    clearTimeout(timer);
    if (result) this.#reading = undefined;
    return result;
  }
}
