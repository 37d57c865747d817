/**
 * Everything known about one topic.
 *
 * @module
 */
import type { Message } from "../../message.ts";
import { matchesTopic } from "../../topic.ts";
import type { Alarm } from "../alarm.ts";
import type { Member } from "../member.ts";
import { MAX_TEXT, readableText } from "./content.ts";
import { readFields } from "./fields.ts";
import { Guard } from "./guard.ts";
import { RANK } from "./rank.ts";
import { Series, type SeriesRow } from "./series.ts";

/** The rate is an average over this many seconds. */
const RATE_SECONDS = 10;

/** The most values of one topic; the one not heard of for longest goes. */
const MAX_SERIES = 32;

/**
 * A topic is stale when it was silent for three times the longest pause of late,
 * but at least so long; and after an hour, if it has had one message only.
 */
const STALE_PAUSES = 3;
const MIN_STALE_MS = 10_000;
const UNKNOWN_STALE_MS = 3_600_000;

/** By how much a long pause counts less with each message. */
const FORGETTING = 0.9;

/** Everything known about a topic, with its leading value. */
export interface Row extends SeriesRow {
  topic: string;
  /** The last message, or its first 1000 characters. */
  text: string;
  /** The length of the last message in bytes. */
  length: number;
  /** Whether the last message is a retained one, older than our start. */
  retained: boolean;
  /** When it arrived, in milliseconds since 1970. */
  at: number;
  /** Its number, counted over the messages of all topics; 0 if none came. */
  sequence: number;
  /** The number of messages so far. */
  count: number;
  /** Messages a second, over the last ten. */
  rate: number;
  /** After how many milliseconds of silence it is stale. */
  staleMs: number;
  /** How many values the topic has. */
  values: number;
  /** Whether an alarm is raised. */
  alarm: boolean;
  /** The rules of the raised alarms. */
  rules: string[];
}

/** A rule for a topic, and the number that it compares with if it does. */
export interface Limit {
  rule: string;
  /** The path of the value it looks at; null: the leading one. */
  path: string | null;
  limit: number | null;
  isRaised: boolean;
}

/** An alarm is raised, or has ended. */
export interface Change {
  topic: string;
  /** The path of the value in the message; empty if it is plain. */
  path: string;
  /** The value as it was written, or the whole message. */
  value: string;
  /** The rule. */
  alarm: Alarm;
  /** Whether it is raised. */
  isRaised: boolean;
  /** When, in milliseconds since 1970. */
  at: number;
}

/** Counts messages a second. */
export class Rate {
  /** The counts of the last seconds: second S is at S modulo the length. */
  readonly #counts: number[] = [];
  #first = 0;
  #last = 0;

  /** Counts a message. */
  add(at: number): void {
    const second = Math.floor(at / 1000);
    if (this.#counts.length === 0) {
      this.#counts.push(...new Array(RATE_SECONDS + 1).fill(0));
      this.#first = this.#last = second;
    }
    this.#forget(second);
    this.#counts[second % this.#counts.length]!++;
  }

  /** Whole seconds only: the current one, just begun, would lower the rate. */
  at(now: number): number {
    if (this.#counts.length === 0) return 0;
    const current = Math.floor(now / 1000);
    if (current - this.#last > RATE_SECONDS) return 0;
    const seconds = Math.min(RATE_SECONDS, current - this.#first);
    let messages = 0;
    const { length } = this.#counts;
    const first = Math.max(current - seconds, this.#last - length + 1);
    const last = Math.min(current - 1, this.#last);
    for (let second = first; second <= last; second++) {
      messages += this.#counts[second % length]!;
    }
    return messages / Math.max(1, seconds);
  }

  #forget(second: number): void {
    const { length } = this.#counts;
    if (second - this.#last >= length) this.#counts.fill(0);
    else {
      for (let it = this.#last + 1; it <= second; it++) {
        this.#counts[it % length] = 0;
      }
    }
    this.#last = Math.max(this.#last, second);
  }
}

/** Everything known about one topic. */
export class Topic {
  readonly name: string;
  readonly #guards: Guard[];
  /** The paths that shall lead, the first that is there. */
  readonly #chosen: string[];
  readonly #series = new Map<string, Series>();
  readonly #rate = new Rate();
  #lead: Series | undefined;
  #last: Pick<Row, "text" | "length" | "retained" | "at" | "sequence">;
  #count = 0;
  #pauseMs = 0;

  /**
   * Creates a topic without messages.
   *
   * @param name The topic.
   * @param options The rules, the values that lead, and the time.
   */
  constructor(
    name: string,
    { alarms, values, at }: { alarms: Alarm[]; values: Member[]; at: number },
  ) {
    const matches = ({ filter }: Member) => matchesTopic(filter, name);
    this.name = name;
    this.#guards = alarms.filter(matches).map((alarm) => new Guard(alarm));
    this.#chosen = values.filter(matches).flatMap(({ path }) => path ?? []);
    this.#last = { text: "", length: 0, retained: false, at, sequence: 0 };
  }

  /** How many values it has. */
  get size(): number {
    return this.#series.size;
  }

  /** Whether time alone can raise one of its alarms. */
  get hasClock(): boolean {
    return this.#guards.some((guard) => guard.hasClock);
  }

  /** Whether an alarm is raised. */
  get isAlarmed(): boolean {
    return this.#guards.some((guard) => guard.isRaised);
  }

  /** Counts a message; at most `most` values are kept. */
  add(
    message: Message,
    text: string,
    at: number,
    sequence: number,
    most: number,
  ): void {
    const { length, retained } = message;
    if (this.#count > 0) {
      const pause = at - this.#last.at;
      this.#pauseMs = Math.max(pause, FORGETTING * this.#pauseMs);
    }
    this.#count++;
    this.#rate.add(at);
    this.#last = {
      text: text.slice(0, MAX_TEXT),
      length,
      retained,
      at,
      sequence,
    };
    const readable = readableText(message, text);
    const { isObject, fields } = readable === undefined
      ? { isObject: false, fields: [] }
      : readFields(readable);
    for (const field of fields) {
      const chosen = this.#chosen.includes(field.path);
      if (chosen) field.rank = RANK.chosen;
    }
    // Only the best, if there is no room for all.
    const kept = fields.length > most
      ? fields.sort((a, b) => a.rank - b.rank).slice(0, most)
      : fields;
    for (const field of kept) {
      let series = this.#series.get(field.path);
      if (!series) {
        if (this.#series.size >= Math.min(most, MAX_SERIES)) this.#evict();
        series = new Series(field.path, field.rank);
        this.#series.set(field.path, series);
      }
      series.add(field, at, sequence);
    }
    this.#lead = isObject ? this.#best() : this.#series.get("");
    if (this.#lead?.path === "" && fields.length === 0) this.#lead = undefined;
  }

  /** Reports the alarms that are raised, or have ended. */
  check(now: number, onChange: (change: Change) => void): void {
    for (const guard of this.#guards) {
      const { alarm } = guard;
      const series = alarm.path === undefined
        ? this.#lead
        : this.#series.get(alarm.path);
      const text = series?.text ??
        (alarm.path === undefined && this.#count > 0
          ? this.#last.text
          : undefined);
      const { at } = this.#last;
      const value = series?.value ?? null;
      if (!guard.check({ at, value, text }, now)) continue;
      onChange({
        topic: this.name,
        path: series?.path ?? "",
        value: text ?? "",
        alarm,
        isRaised: guard.isRaised,
        at: now,
      });
    }
  }

  /** What is known now. */
  row(now: number): Row {
    const rules = this.#guards.length === 0 ? NO_RULES : this.#guards
      .filter((it) => it.isRaised).map(({ alarm }) => alarm.rule);
    const { text, length, retained, at, sequence } = this.#last;
    const staleMs = this.#count > 1
      ? Math.max(MIN_STALE_MS, STALE_PAUSES * this.#pauseMs)
      : UNKNOWN_STALE_MS;
    return {
      ...this.#lead ? this.#lead.row() : NOTHING,
      topic: this.name,
      text,
      length,
      retained,
      at,
      sequence,
      count: this.#count,
      rate: this.#rate.at(now),
      staleMs,
      values: this.#series.size,
      alarm: rules.length > 0,
      rules,
    };
  }

  /** A value by its path; the leading one without a path. */
  find(path?: string): Series | undefined {
    return path === undefined ? this.#lead : this.#series.get(path);
  }

  /** All values, the leading one first. */
  series(): SeriesRow[] {
    return [...this.#series.values()]
      .sort((a, b) =>
        Number(b === this.#lead) - Number(a === this.#lead) || a.rank - b.rank
      )
      .map((it) => it.row());
  }

  /** The rules for it. */
  limits(): Limit[] {
    return this.#guards.map(
      ({ alarm: { rule, path, condition }, isRaised }) => {
        const limit = condition.kind === "number" ? condition.limit : null;
        return { rule, path: path ?? null, limit, isRaised };
      },
    );
  }

  /** The value that stands for a message that is an object. */
  #best(): Series | undefined {
    let best: Series | undefined;
    for (const series of this.#series.values()) {
      if (series.path === "") continue;
      const isBetter = !best || series.rank < best.rank ||
        series.rank === RANK.chosen && best.rank === RANK.chosen &&
          this.#chosen.indexOf(series.path) < this.#chosen.indexOf(best.path);
      if (isBetter) best = series;
    }
    // Texts and identifiers say less than the message itself.
    return best && best.rank >= RANK.text ? undefined : best;
  }

  #evict(): void {
    let oldest: Series | undefined;
    for (const series of this.#series.values()) {
      if (!oldest || series.sequence < oldest.sequence) oldest = series;
    }
    if (oldest) this.#series.delete(oldest.path);
  }
}

const NO_RULES: string[] = [];

/** The value of a topic that has none. */
const NOTHING: SeriesRow = {
  path: "",
  reading: "",
  value: null,
  unit: "",
  state: null,
  decimals: 0,
  min: null,
  mean: null,
  max: null,
};
