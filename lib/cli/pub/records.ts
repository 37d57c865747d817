/**
 * Publishes the lines that `sub --json` prints and `sub --record` writes: at
 * once, or with the pauses between them.
 *
 * @module
 */
import { isMqtt, parseAddress } from "../../address.ts";
import { reasonOf } from "../../errors.ts";
import { load } from "../../load.ts";
import type { MessageProperties } from "../../message.ts";
import { matchesTopic } from "../../topic.ts";
import { tooLarge } from "../../wire/framing.ts";
import { markAtEnd } from "../../wire/marks.ts";
import { WireMessage } from "../../wire/message.ts";
import { EXIT } from "../exit_codes.ts";
import { cannotRead } from "../files.ts";
import { complain, count, type World } from "../program.ts";
import { JsonLine } from "./json_line.ts";
import { LineReader } from "./line_reader.ts";
import { openProgress } from "./lines.ts";
import type { Moment, PubPlan, Records } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { filesOf, openRecord, sizeOf, withLineFeeds } from "./record_files.ts";
import { Schedule } from "./schedule.ts";
import { aborted, NAME, prefixOf, Sender } from "./sender.ts";

/** How many lines that cannot be published are told one by one. */
const MAX_TOLD = 10;

/** Room in a line for what is not the message. */
const OTHER_BYTES = 256 * 1024;

/** The most bytes that a byte of a message has in JSON: `\u0001`. */
const ESCAPED_BYTES = 6;

/** How many bytes of messages go out together. */
const BATCH_BYTES = 64 * 1024;

/** The same if there are pauses: often each message goes out alone. */
const PACED_BATCH_BYTES = 4096;

/** Longer messages are copied by the system: below, that takes longer. */
const SHORT_BYTES = 100;

const encoder = new TextEncoder();

/** What has to be known of the topic of a line. */
interface Target {
  /** Where its messages go. */
  topic: string;
  /** What stands before each of them. */
  tag: Uint8Array;
  /** Whether its messages are wanted. */
  isWanted: boolean;
}

/** Messages that go out together. */
interface Batch {
  /** All of them, each with what stands before and behind it. */
  bytes: Uint8Array<ArrayBuffer>;
  length: number;
  records: WireMessage[];
  topics: string[];
}

/**
 * Publishes the messages of all lines that have one.
 *
 * @param content Where the lines are, and when their messages are due.
 * @param plan How to publish.
 * @param world The streams; what cannot be published is told on standard error.
 * @param signal Ends it early.
 * @returns The exit code.
 * @throws {Error} If a file cannot be read; and any error of publishing, at once.
 */
export async function publishRecords(
  content: Records,
  plan: PubPlan,
  world: World,
  signal: AbortSignal | undefined,
): Promise<number> {
  // First, so that no FIFO is made if the name of a file is wrong.
  const files = filesOf(content.files);
  await using sender = new Sender(plan, world);
  const size = sizeOf(files, content.isLoop, world);
  using progress = await openProgress(size, plan, world);
  sender.progress = progress;
  const say = (text: string) => {
    progress?.hide();
    complain(NAME, world, text);
  };
  const publisher = new RecordPublisher(
    { ...content, files },
    plan,
    sender,
    say,
    plan.address !== undefined && isMqtt(plan.address)
      ? (await loadProperties()).toPacket
      : undefined,
  );
  // The next message may be due much later, but an error should show at once.
  const sent = sender.unlessFailed(publisher.publish(world, progress));
  await (signal ? Promise.race([sent, aborted(signal)]) : sent);
  if (signal?.aborted) return EXIT.ok;
  const { failed } = publisher;
  if (failed > 0) say(`${count(failed)} could not be published`);
  await sender.close();
  return failed > 0 ? EXIT.failed : EXIT.ok;
}

/** Loads what only properties for a broker need. */
async function loadProperties(): Promise<
  typeof import("../../mqtt/properties.ts")
> {
  return await load<typeof import("../../mqtt/properties.ts")>(
    import.meta.resolve("../../mqtt/properties.ts"),
  );
}

class RecordPublisher {
  readonly #content: Records;
  readonly #plan: PubPlan;
  readonly #sender: Sender;
  readonly #say: (text: string) => void;
  readonly #line: JsonLine<Target>;
  /** Throws for properties that MQTT does not allow; undefined elsewhere. */
  readonly #checkProperties: ((it: MessageProperties) => unknown) | undefined;
  readonly #schedule: Schedule | undefined;
  readonly #isToFifo: boolean;
  readonly #isToBroker: boolean;
  /** Whether all messages go to the address, whatever their topics. */
  readonly #isFixed: boolean;
  /** For a line without a topic. */
  readonly #fallback: Target | undefined;
  /** What no message may hold: undefined at a broker. */
  readonly #delimiter: number | undefined;
  readonly #end: number;
  readonly #batchBytes: number;
  #batch: Batch | undefined;
  #sending: Promise<void>[] = [];
  #before: Promise<unknown> = Promise.resolve();
  /** The time of the first message, from which offsets count. */
  #firstMs: number | undefined;
  #published = 0;
  /** How many lines could not be published. */
  failed = 0;

  constructor(
    content: Records,
    plan: PubPlan,
    sender: Sender,
    say: (text: string) => void,
    checkProperties: ((it: MessageProperties) => unknown) | undefined,
  ) {
    const { speed, filters, prefix, since, until } = content;
    const { address, publisher: { delimiter } } = plan;
    this.#content = content;
    this.#plan = plan;
    this.#sender = sender;
    this.#say = say;
    this.#checkProperties = checkProperties;
    const to = address === undefined ? undefined : parseAddress(address);
    this.#isToFifo = to?.kind === "fifo";
    this.#isToBroker = to?.kind === "mqtt";
    this.#isFixed = this.#isToFifo || to?.kind === "topic";
    this.#end = delimiter.charCodeAt(0);
    this.#delimiter = this.#isToBroker ? undefined : this.#end;
    const before = (to ? prefixOf(address!) : "") + prefix;
    this.#batchBytes = speed < Infinity ? PACED_BATCH_BYTES : BATCH_BYTES;
    if (speed < Infinity) {
      this.#schedule = new Schedule(
        speed,
        () => say("the clock was set back in the record: no pause there"),
      );
    }
    const target = (topic: string, isWanted: boolean): Target => ({
      topic,
      tag: encoder.encode(this.#isFixed ? "" : `${topic}\t`),
      isWanted,
    });
    const fallback = to?.kind === "fifo" ? "" : to?.topic || undefined;
    if (fallback !== undefined) {
      this.#fallback = target(fallback, filters.length === 0);
    }
    this.#line = new JsonLine(
      (topic) =>
        target(
          before + topic,
          filters.length === 0 || filters.some((it) => matchesTopic(it, topic)),
        ),
      speed < Infinity || since !== undefined || until !== undefined,
    );
  }

  /** Publishes all files, once or for ever. */
  async publish(world: World, progress: Progress | undefined): Promise<void> {
    let before;
    do {
      before = this.#published;
      for (const path of this.#content.files) {
        await this.#publishFile(path, world, progress);
      }
      this.#schedule?.restart();
    } while (this.#content.isLoop && this.#published > before);
    await this.#before;
  }

  async #publishFile(
    path: string | undefined,
    { stdin }: World,
    progress: Progress | undefined,
  ): Promise<void> {
    const { delimiter, maxBytes } = this.#plan.publisher;
    const name = path ?? "standard input";
    await using opened = path === undefined
      ? undefined
      : await openRecord(path);
    const file = opened ?? stdin;
    const reader = new LineReader(
      // sub --json --null ends its lines with NUL.
      delimiter === "\0" ? withLineFeeds(file) : file,
      ESCAPED_BYTES * maxBytes + OTHER_BYTES,
    );
    const tell = (fault: string) => {
      const where = `line ${reader.number} of ${name}`;
      if (reader.isAtEnd && !this.#line.isJson) {
        // Its recorder was killed, or is just writing it.
        return this.#say(`${where}, the last one, is incomplete and left out`);
      }
      if (++this.failed > MAX_TOLD) return;
      this.#say(`Cannot publish ${where}: ${fault}`);
    };
    const read = () =>
      reader.read().catch((error) => {
        throw cannotRead(path === undefined ? name : `"${path}"`, error);
      });
    while (await read() !== undefined) {
      await this.#publishLines(reader, tell, progress);
    }
  }

  /** Publishes the lines that were read, as far as they are due. */
  async #publishLines(
    reader: LineReader,
    tell: (fault: string) => void,
    progress: Progress | undefined,
  ): Promise<void> {
    const line = this.#line;
    let told = 0;
    for (let start; (start = reader.next) >= 0;) {
      const end = line.readUsual(reader.lines, start);
      reader.take(end < 0 ? undefined : end);
      if (reader.start === reader.end) continue;
      const fault = reader.isTooLong
        ? "it is too long"
        : end < 0 && line.parse(reader.line) || this.#fault();
      if (fault) tell(fault);
      else if (this.#isWanted()) {
        if (this.#schedule && !this.#schedule.plan(line.timeMs)) {
          await this.#flush();
          progress?.addBytes(reader.start - told);
          told = reader.start;
          await this.#schedule.wait();
        }
        this.#published++;
        if (!this.#isPlain()) await this.#sendAlone();
        else if (!this.#add()) {
          await this.#send();
          this.#add();
        }
      }
    }
    await this.#flush();
    progress?.addBytes(reader.lines.length - told);
  }

  /** What keeps the message of the line from being published. */
  #fault(): string | undefined {
    const { topic = this.#fallback, isUsual, bytes, start, end } = this.#line;
    if (!topic) return "there is no topic in it";
    const { maxBytes } = this.#plan.publisher;
    if (end - start > maxBytes) return tooLarge(`is ${end - start}`, maxBytes);
    const { properties } = this.#line;
    try {
      if (properties) this.#checkProperties?.(properties);
    } catch (error) {
      return reasonOf(error);
    }
    // A usual message has no control characters.
    if (isUsual || this.#delimiter === undefined) return undefined;
    if (bytes.subarray(start, end).includes(this.#delimiter)) {
      return this.#delimiter === 0
        ? "its message holds a NUL, which ends messages with --null"
        : "its message holds a line feed; use --null on both sides";
    }
    return markAtEnd(bytes, start, end) && "its message ends with a mark";
  }

  #isWanted(): boolean {
    const { topic = this.#fallback!, timeMs } = this.#line;
    const { since, until } = this.#content;
    this.#firstMs ??= timeMs;
    if (!topic.isWanted) return false;
    if (timeMs === undefined) return true;
    const at = ({ ms, isOffset }: Moment) =>
      isOffset ? this.#firstMs! + ms : ms;
    return (!since || timeMs >= at(since)) && (!until || timeMs < at(until));
  }

  /** Whether the message can share a write with others. */
  #isPlain(): boolean {
    const { retained, replyTo } = this.#line;
    return this.#isToFifo ||
      !retained && replyTo === undefined && !this.#plan.retain &&
        this.#properties === undefined;
  }

  /** What a broker gets with the message; the line before the options. */
  get #properties(): MessageProperties | undefined {
    const own = this.#isToBroker ? this.#line.properties : undefined;
    const { properties } = this.#plan;
    return own && properties ? { ...properties, ...own } : own ?? properties;
  }

  /** Adds the message to those that go out together, if there is room. */
  #add(): boolean {
    const { topic: target = this.#fallback!, bytes, start, end } = this.#line;
    const { topic, tag } = target;
    const length = tag.length + end - start + 1;
    if (this.#batch && this.#batch.length + length > this.#batch.bytes.length) {
      return false;
    }
    const batch = this.#batch ??= {
      bytes: new Uint8Array(Math.max(this.#batchBytes, length)),
      length: 0,
      records: [],
      topics: [],
    };
    const from = batch.length;
    copy(tag, 0, tag.length, batch.bytes, from);
    copy(bytes, start, end, batch.bytes, from + tag.length);
    const stop = from + length - 1;
    batch.bytes[stop] = this.#end;
    batch.length += length;
    batch.records.push(new WireMessage(topic, batch.bytes, from, stop));
    batch.topics.push(topic);
    return true;
  }

  /** Sends the batch, up to what is not due yet if there is a rate. */
  async #send(): Promise<void> {
    if (!this.#batch) return;
    const { records, topics } = this.#batch;
    this.#batch = undefined;
    for (let at = 0; at < records.length;) {
      const count = await this.#sender.due(records.length - at);
      const due = records.slice(at, at + count);
      const sent = this.#isFixed
        ? this.#sender.sendFramed(
          WireMessage.frame(due, this.#plan.publisher.delimiter),
          count,
        )
        : this.#sender.sendKeyed({
          records: due,
          topics: topics.slice(at, at + count),
          frame: WireMessage.frame,
        });
      this.#sending.push(sent);
      at += count;
    }
  }

  async #sendAlone(): Promise<void> {
    await this.#send();
    await this.#sender.due(1);
    const { topic, bytes, start, end, retained, replyTo } = this.#line;
    const sent = this.#sender.sendOne(bytes.slice(start, end), {
      topic: this.#isFixed ? undefined : (topic ?? this.#fallback!).topic,
      retain: retained || this.#plan.retain,
      replyTo,
      ...this.#properties,
    });
    this.#sending.push(sent);
  }

  /** Sends the batch, and waits until what was sent before is written. */
  async #flush(): Promise<void> {
    await this.#send();
    await this.#before;
    this.#before = Promise.all(this.#sending);
    this.#sending = [];
  }
}

/** Copies bytes; a few of them faster than `set` and `subarray` do. */
function copy(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): void {
  if (end - start > SHORT_BYTES) to.set(from.subarray(start, end), at);
  else for (let i = start; i < end; i++) to[at++] = from[i]!;
}
