/**
 * A subscription that a group shares: a group has one FIFO for each filter, and
 * its members take turns reading it.
 *
 * @module
 */
import { delay } from "../delay.ts";
import { FifobusError } from "../errors.ts";
import { CAN_TRY_LOCK, ensureFifo, isSameFile, tryLock } from "../fifo/file.ts";
import { lockSoon } from "../fifo/lock.ts";
import { QueueFile } from "../fifo/queue_file.ts";
import { QueueReader } from "../fifo/queue_reader.ts";
import type { WireMessage } from "../wire/message.ts";
import type { Demand } from "../queues/demand.ts";
import { onExit } from "../leftovers.ts";
import type { Message } from "../message.ts";
import type { Source } from "../source.ts";
import type { SharedFilter } from "../topic.ts";
import { tooLarge } from "../wire/framing.ts";
import { Answers } from "./answers.ts";
import { type Bus, isTrusted, lstatIfThere, openBus, tidy } from "./folder.ts";
import { type JoinOptions, MAX_TAG_BYTES } from "./join_options.ts";
import { parseGap } from "./missed.ts";
import {
  checkLength,
  groupName,
  memberName,
  subscriptionName,
} from "./names.ts";
import { Strays } from "./strays.ts";

/** How many times, and how long, to wait for a publisher within a message. */
const MAX_ATTEMPTS = 100;
const PAUSE_MS = 10;

/** How to join a group. */
export interface GroupOptions extends JoinOptions {
  /** How many messages are wanted. */
  demand: Demand;
}

/** One member of a group. */
export class GroupMember implements Source {
  readonly #options: GroupOptions;
  readonly #answers: Answers;
  /** The record of each message, to give it back. */
  readonly #records = new WeakMap<Message, WireMessage>();
  #reader!: QueueReader;
  /** Records behind a record that was too long. */
  #back: WireMessage[] = [];
  /** How many messages the group missed before the next one. */
  #missed = 0;
  /** How many messages it missed before each of these records. */
  readonly #gaps = new WeakMap<WireMessage, number>();
  readonly #strays: Strays;
  #error: FifobusError | undefined;

  private constructor(options: GroupOptions) {
    this.#options = options;
    this.#answers = new Answers(options);
    this.#strays = new Strays(options.onNotice);
  }

  /**
   * Joins a group.
   *
   * @param shared The group and its filter, checked.
   * @param options How to join.
   * @returns The member.
   * @throws {FifobusError} `bad_address`, if the filter is too long, or the
   * group uses another delimiter.
   */
  static async join(
    shared: SharedFilter,
    options: GroupOptions,
  ): Promise<GroupMember> {
    const member = new GroupMember(options);
    await member.#join(shared);
    return member;
  }

  /** Waits for messages; undefined after the last. */
  async next(): Promise<WireMessage[] | undefined> {
    const answer = this.#answers.send.bind(this.#answers);
    while (!this.#error) {
      const records = await this.#reader.next();
      if (!records) return undefined;
      const messages: WireMessage[] = [];
      for (const [i, record] of records.entries()) {
        let message = record.untagged(answer)!;
        const { length, topic } = message;
        if (length > this.#options.maxBytes) {
          const reason = tooLarge(`is ${length}`, this.#options.maxBytes);
          this.#error = new FifobusError(
            "message_too_large",
            `Cannot read a message to "${topic}": ${reason}`,
          );
          this.#back = records.slice(i + 1);
          break;
        }
        const missed = this.#gaps.get(record);
        if (missed !== undefined) message = message.after(missed);
        this.#records.set(message, record);
        messages.push(message);
      }
      this.#options.demand.untake(records.length - messages.length);
      if (messages.length > 0) return messages;
    }
    throw this.#error;
  }

  /** Whether a message came to this member. */
  takesBack(message: WireMessage): boolean {
    return this.#records.has(message);
  }

  /** Takes no messages until {@linkcode resume}. */
  pause(): Promise<void> {
    return this.#reader.pause();
  }

  /** Continues after a pause. */
  resume(): void {
    this.#reader.resume();
  }

  /** Takes no more messages. */
  end(): Promise<void> {
    return this.#reader.end();
  }

  /** Gives messages back to the group while the process ends. */
  giveBackNow(messages: WireMessage[]): boolean {
    const isBack = this.#reader.giveBackNow(this.#recordsOf(messages));
    if (isBack) this.#back = [];
    return isBack;
  }

  /** Leaves the group, and gives unhandled messages back to it. */
  async close(unhandled: Message[]): Promise<void> {
    const back = this.#recordsOf(unhandled);
    this.#back = [];
    await this.#reader.close(back);
    await this.#answers.close();
    this.#strays.report();
  }

  /** The records of messages, and the records that it did not hand out. */
  #recordsOf(messages: Message[]): WireMessage[] {
    const records = messages.map((it) => this.#records.get(it));
    return [...records.filter((it) => it !== undefined), ...this.#back];
  }

  /**
   * Tells messages from other records: counts of missed messages, and strays.
   */
  #isMessage(record: WireMessage): boolean {
    if (!record.untagged()) {
      const gap = parseGap(record);
      if (gap) this.#missed += gap.count;
      else this.#strays.add();
      return false;
    }
    if (this.#missed > 0) this.#gaps.set(record, this.#missed);
    this.#missed = 0;
    return true;
  }

  async #join({ group, filter }: SharedFilter): Promise<void> {
    const { bus, delimiter, maxBytes, origin } = this.#options;
    const folder = bus.path;
    const id = groupName(group, origin);
    const name = subscriptionName(filter, id, delimiter);
    const other = delimiter === "\n" ? "\0" : "\n";
    this.#checkDelimiter(`${folder}/${subscriptionName(filter, id, other)}`);
    const path = `${folder}/${name}`;
    const signName = `.${name}.${memberName(undefined)}`;
    checkLength(signName, filter);
    // Made before we open the FIFO, so that a member that leaves sees it.
    let sign = new MemberSign(bus, `${folder}/${signName}`);
    try {
      for (let isJoined = false; !isJoined;) {
        using _reader = await makeFifo(bus, path);
        this.#reader = await QueueReader.open(path, {
          delimiter,
          maxBytes: maxBytes + MAX_TAG_BYTES,
          isMessage: (record) => this.#isMessage(record),
          demand: this.#options.demand,
          onNotice: this.#options.onNotice,
          accept: (info) => this.#checkTrust(path, info),
          remake: async () => {
            // The sign, or the whole folder, may be gone as well.
            await openBus(bus.mode);
            sign[Symbol.dispose]();
            sign = new MemberSign(bus, `${folder}/${signName}`);
            return await makeFifo(bus, path);
          },
          onLeave: () => {
            sign[Symbol.dispose]();
            const others = livingMembers(`${folder}/.${name}`);
            if (others.length === 0) tidy(path);
          },
        });
        isJoined = await isStillThere(path);
        if (!isJoined) await this.#reader.close();
      }
    } catch (error) {
      sign[Symbol.dispose]();
      throw error;
    }
  }

  #checkDelimiter(other: string): void {
    if (!lstatIfThere(other)?.isFifo) return;
    const { delimiter } = this.#options;
    const theirs = delimiter === "\n" ? "a NUL byte" : "a line feed";
    throw new FifobusError(
      "bad_address",
      `Cannot join the group at "${other}": its messages end with ${theirs}, ` +
        "and so must those of all its members",
    );
  }

  #checkTrust(path: string, info: Deno.FileInfo): void {
    if (this.#options.bus.isShared || isTrusted(info)) return;
    throw new FifobusError(
      "unsafe_bus",
      `Cannot join the group at "${path}": user ${info.uid} owns it`,
    );
  }
}

/**
 * Shows that a member is alive: a file beside the FIFO, which the member keeps
 * locked as long as it lives.
 */
class MemberSign implements Disposable {
  readonly #bus: Bus;
  readonly #path: string;
  readonly #exit: Disposable;
  #file: Deno.FsFile;
  #isClosed = false;

  constructor(bus: Bus, path: string) {
    this.#bus = bus;
    this.#path = path;
    this.#file = this.#make();
    this.#exit = onExit({
      cleanUp: () => tidy(path),
      revive: () => {
        this.#file.close();
        this.#file = this.#make();
      },
    });
  }

  #make(): Deno.FsFile {
    const [bus, path] = [this.#bus, this.#path];
    const mode = bus.mode & 0o666;
    const file = Deno.openSync(path, { write: true, createNew: true, mode });
    bus.share(path, 0o666, file.statSync());
    // This does not wait, because nobody else has the file open.
    file.lockSync(true);
    return file;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#exit[Symbol.dispose]();
    tidy(this.#path);
    this.#file.close();
  }
}

/**
 * Lists the members of a group.
 *
 * @param prefix The path of its FIFO, with a dot before the name.
 * @returns The sign of each living member, with the part of its name after the
 * prefix.
 */
export function livingMembers(
  prefix: string,
): { path: string; member: string }[] {
  const at = prefix.lastIndexOf("/") + 1;
  const folder = prefix.slice(0, at);
  const beginning = `${prefix.slice(at)}.`;
  const members: { path: string; member: string }[] = [];
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    const member = name.slice(beginning.length);
    if (!isFile || !name.startsWith(beginning) || member === "queue") continue;
    const path = folder + name;
    if (isLocked(path)) members.push({ path, member });
    else tidy(path);
  }
  return members;
}

function isLocked(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    // Deno 2.6 cannot try a lock: a member with a sign passes as alive.
    return !(tryLock(file, false) ?? false);
  } catch {
    return false;
  }
}

/**
 * Makes the FIFO of a group under a hidden name, opens it, and then gives it
 * its visible name: so a visible name always has a reader.
 *
 * @returns That reader; close it when there is another one.
 */
async function makeFifo(bus: Bus, path: string): Promise<Disposable> {
  if (lstatIfThere(path)) return { [Symbol.dispose]: () => {} };
  const hidden = path.replace(/[^/]*$/, `.${memberName(undefined)}`);
  await ensureFifo(hidden, bus.mode & 0o666);
  bus.share(hidden, 0o666);
  const reader = Deno.openSync(hidden, { read: true, write: true });
  try {
    await makeQueue(path, Deno.lstatSync(hidden));
    Deno.linkSync(hidden, path);
  } catch (error) {
    reader.close();
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return { [Symbol.dispose]: () => {} };
  } finally {
    tidy(hidden);
  }
  return reader;
}

/**
 * Makes the queue file, in which publishers mark that they are within a
 * message, from the first message on.
 */
async function makeQueue(path: string, fifo: Deno.FileInfo): Promise<void> {
  const beside = path.replace(/[^/]*$/, (name) => `.${name}.queue`);
  const queue = await QueueFile.open(beside, fifo);
  try {
    if (await queue.lockSoon()) queue.look();
  } finally {
    queue.close();
  }
}

/**
 * Tells whether a FIFO that was just opened is still at its path. The answer is
 * certain while no other member leaves; a member that leaves has the lock.
 */
async function isStillThere(path: string): Promise<boolean> {
  let file;
  try {
    file = Deno.openSync(path, { read: true, write: true });
  } catch {
    return false;
  }
  try {
    const opened = file.statSync();
    if (!CAN_TRY_LOCK) await lockSoon(file);
    for (let i = 0; CAN_TRY_LOCK && i < MAX_ATTEMPTS; i++) {
      if (tryLock(file, false)) break;
      await delay(PAUSE_MS);
    }
    const info = lstatIfThere(path);
    return info !== undefined && isSameFile(info, opened);
  } finally {
    file.close();
  }
}
