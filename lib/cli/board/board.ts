/**
 * Everything known about each topic: the table behind both dashboards.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import type { Alarm } from "../alarm.ts";
import type { Member } from "../member.ts";
import { type Point, type Span, SPANS } from "./history.ts";
import { compareTopics } from "./natural.ts";
import { type Change, type Limit, Rate, type Row, Topic } from "./topic.ts";

/** The most topics listed; messages of further topics are only counted. */
const MAX_TOPICS = 50_000;

/** The most values in all; behind that a new topic gets its leading one only. */
const MAX_SERIES = 100_000;

/** What to count, and whom to tell. */
export interface BoardOptions {
  /** The rules that raise an alarm. */
  alarms?: Alarm[];
  /** Which values lead. */
  values?: Member[];
  /** Called whenever an alarm is raised or ends. */
  onAlarm?(change: Change): void;
}

/** Counts what arrives, topic by topic. */
export class Board {
  readonly #options: BoardOptions;
  readonly #topics = new Map<string, Topic>();
  /** The same in their natural order. */
  readonly #sorted: Topic[] = [];
  readonly #rate = new Rate();
  readonly #alarmed = new Set<Topic>();
  /** The topics that time alone can alarm. */
  readonly #timed: Topic[] = [];
  #total = 0;
  #unlisted = 0;
  #missed = 0;
  #series = 0;
  #startedAt: number | undefined;

  /**
   * Creates an empty board.
   *
   * @param options What to count, and whom to tell.
   */
  constructor(options: BoardOptions = {}) {
    this.#options = options;
  }

  /** The number of messages so far. */
  get total(): number {
    return this.#total;
  }

  /** How many of them belong to topics that the table had no room for. */
  get unlisted(): number {
    return this.#unlisted;
  }

  /** How many messages were lost because we did not read them in time. */
  get missed(): number {
    return this.#missed;
  }

  /** The number of topics. */
  get topics(): number {
    return this.#topics.size;
  }

  /** The number of topics for which an alarm is raised. */
  get alarms(): number {
    return this.#alarmed.size;
  }

  /** Whether an alarm can be raised without a message: then call tick(). */
  get hasClock(): boolean {
    return (this.#options.alarms ?? [])
      .some(({ condition, forMs }) => condition.kind === "silent" || forMs > 0);
  }

  /**
   * Returns how many messages arrive in a second, over the last ten.
   *
   * @param now The time, in milliseconds since 1970.
   */
  rate(now: number): number {
    return this.#rate.at(now);
  }

  /**
   * Counts a message.
   *
   * @param message The message.
   * @param text Its beginning: see content.ts.
   * @param at When it arrived, in milliseconds since 1970.
   */
  add(message: Message, text: string, at: number): void {
    this.#startedAt ??= at;
    this.#total++;
    this.#missed += message.missed;
    this.#rate.add(at);
    const topic = this.#topics.get(message.topic) ??
      this.#create(message.topic, at);
    if (!topic) {
      this.#unlisted++;
      return;
    }
    const before = topic.size;
    const most = this.#series < MAX_SERIES ? Infinity : Math.max(1, before);
    topic.add(message, text, at, this.#total, most);
    this.#series += topic.size - before;
    this.#check(topic, at);
  }

  /**
   * Looks for alarms that time alone raises.
   *
   * @param now The time, in milliseconds since 1970.
   */
  tick(now: number): void {
    this.#startedAt ??= now;
    for (const topic of this.#timed) this.#check(topic, now);
    for (const { condition, filter } of this.#options.alarms ?? []) {
      // A single topic is silent even if it has never had a message.
      if (condition.kind !== "silent" || /[+#]/.test(filter)) continue;
      const isLate = now - this.#startedAt >= condition.silentMs;
      if (!isLate || this.#topics.has(filter)) continue;
      const topic = this.#create(filter, this.#startedAt);
      if (topic) this.#check(topic, now);
    }
  }

  /**
   * Lists all topics.
   *
   * @param now The time, in milliseconds since 1970.
   * @returns All topics, in their natural order: sensor2 before sensor10.
   */
  rows(now: number): Row[] {
    return this.#sorted.map((topic) => topic.row(now));
  }

  /**
   * Returns one topic.
   *
   * @param topic The topic.
   * @param now The time, in milliseconds since 1970.
   * @returns What is known; undefined if there is no such topic.
   */
  row(topic: string, now: number): Row | undefined {
    return this.#topics.get(topic)?.row(now);
  }

  /**
   * Returns the rules for one topic.
   *
   * @param topic The topic.
   * @returns The rules, raised or not.
   */
  limits(topic: string): Limit[] {
    return this.#topics.get(topic)?.limits() ?? [];
  }

  /**
   * Returns one topic with all of its values.
   *
   * @param topic The topic.
   * @returns Its values, the leading one first.
   */
  series(topic: string): ReturnType<Topic["series"]> {
    return this.#topics.get(topic)?.series() ?? [];
  }

  /**
   * Returns the past of a value.
   *
   * @param topic The topic.
   * @param now The time, in milliseconds since 1970.
   * @param options Which value, instead of the leading one; how far to go
   * back; and the first second to return, for less than that.
   * @returns The steps of that span in which a number arrived.
   */
  history(
    topic: string,
    now: number,
    { path, span = SPANS[0], since = 0 }: {
      path?: string | undefined;
      span?: Span;
      since?: number;
    } = {},
  ): Point[] {
    return this.#topics.get(topic)?.find(path)?.history
      ?.points(now, span, since) ?? [];
  }

  #create(name: string, at: number): Topic | undefined {
    if (this.#topics.size >= MAX_TOPICS) return undefined;
    const { alarms = [], values = [] } = this.#options;
    const topic = new Topic(name, { alarms, values, at });
    this.#topics.set(name, topic);
    if (topic.hasClock) this.#timed.push(topic);
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareTopics(this.#sorted[middle]!.name, name) < 0) low = middle + 1;
      else high = middle;
    }
    this.#sorted.splice(low, 0, topic);
    return topic;
  }

  #check(topic: Topic, now: number): void {
    const { onAlarm } = this.#options;
    topic.check(now, (change) => onAlarm?.(change));
    if (topic.isAlarmed) this.#alarmed.add(topic);
    else this.#alarmed.delete(topic);
  }
}
