/**
 * Topic names and filters, by the rules of
 * {@link https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241 MQTT 5, section 4.7}.
 *
 * @module
 */
import { FifobusError } from "./errors.ts";

/**
 * The prefix of reply topics. Because of the dollar sign, subscribers to
 * everything (`#`) do not get answers.
 */
export const REPLY_PREFIX = "$reply/";

/** The prefix of the filters of shared subscriptions. */
const SHARE_PREFIX = "$share/";

/** The longest topic and the longest filter: MQTT 5, section 1.5.4. */
export const MAX_TOPIC_BYTES = 65_535;

/** How much of a topic an error shows. */
const SHOWN_CHARACTERS = 100;

const encoder = new TextEncoder();

/** A subscription that a group of subscribers shares. */
export interface SharedFilter {
  /** The name of the group. */
  group: string;
  /** The topic filter. */
  filter: string;
}

/**
 * Reads the filter of a shared subscription, `$share/GROUP/FILTER`: see
 * {@link https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901250 MQTT 5, section 4.8.2}.
 *
 * @param text The filter as a user writes it.
 * @returns Its parts; undefined if the filter is not shared.
 * @throws {FifobusError} `bad_address`, if it is malformed.
 */
export function parseShared(text: string): SharedFilter | undefined {
  if (text !== "$share" && !text.startsWith(SHARE_PREFIX)) return undefined;
  const [, group, filter] = /^\$share\/([^/+#]+)\/(.+)$/s.exec(text) ?? [];
  if (group !== undefined && filter !== undefined) return { group, filter };
  const reason = "a shared subscription is $share/GROUP/FILTER, " +
    "and GROUP holds no +, # or /";
  throw badTopic("filter", text, reason);
}

/**
 * Checks a topic name, to which a message can be published.
 *
 * @param name The name.
 * @param isLax Whether it may hold control characters other than NUL, as some
 * brokers allow.
 * @throws {FifobusError} `bad_address`, if it is empty, longer than 65,535
 * bytes of UTF-8, or holds a wildcard, a control character or half of a
 * surrogate pair.
 */
export function checkTopicName(name: string, isLax = false): void {
  const reason = nameFault(
    isLax && !name.includes("\0")
      ? name.replaceAll(/[^ -~\u00a0-\uffff]/g, "_")
      : name,
  );
  if (reason !== undefined) throw badTopic("topic", name, reason);
}

/**
 * Says what is wrong with a topic name.
 *
 * @param name The name.
 * @returns The reason; undefined if the name is fine.
 */
export function nameFault(name: string): string | undefined {
  const reason = commonFault(name);
  if (reason !== undefined) return reason;
  if (/[+#]/.test(name)) return "+ and # are for subscribers";
  return name.startsWith(SHARE_PREFIX)
    ? "$share/ is for subscribers"
    : undefined;
}

/**
 * Checks a topic filter, to which a subscriber can subscribe.
 *
 * @param text The filter, shared or not.
 * @throws {FifobusError} `bad_address`, if it is not a topic name with `+` for
 * whole levels and `#` for the rest.
 */
export function checkTopicFilter(text: string): void {
  const { filter } = parseShared(text) ?? { filter: text };
  const levels = filter.split("/");
  const reason = commonFault(text) ??
    (levels.some((level) => level.includes("+") && level !== "+")
      ? "+ stands for a whole level"
      : levels.some((level, i) =>
          level.includes("#") && (level !== "#" || i < levels.length - 1)
        )
      ? "# stands for all levels at the end"
      : undefined);
  if (reason !== undefined) throw badTopic("filter", text, reason);
}

/**
 * Tells whether a text is a topic filter.
 *
 * @param text The filter, shared or not.
 * @returns Whether {@linkcode checkTopicFilter} accepts it.
 */
export function isTopicFilter(text: string): boolean {
  try {
    checkTopicFilter(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Tells whether a topic filter matches a topic name.
 *
 * @param filter The subscriber's filter.
 * @param name The message's topic.
 * @returns Whether the filter matches the name.
 *
 * @example
 * ```ts
 * import { matchesTopic } from "@fifobus/fifobus";
 * import { assert } from "jsr:@std/assert@1.0.19/assert";
 *
 * assert(matchesTopic("warehouse/+/temperature", "warehouse/a1/temperature"));
 * assert(matchesTopic("warehouse/#", "warehouse"));
 * assert(!matchesTopic("#", "$SYS/load"));
 * ```
 */
export function matchesTopic(filter: string, name: string): boolean {
  // A wildcard at the start does not match topics that start with a dollar
  // sign, which are for the system: MQTT 5, section 4.7.2.
  if (name.startsWith("$") && /^[+#]/.test(filter)) return false;
  const wanted = filter.split("/");
  const levels = name.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= levels.length || level !== "+" && level !== levels[i]) {
      return false;
    }
  }
  return wanted.length === levels.length;
}

/**
 * Tells whether a text holds a control character.
 *
 * @param text The text.
 * @returns Whether it does.
 */
export function hasControl(text: string): boolean {
  // The same as \p{Cc}, which takes ten times as long to compile.
  return /[^ -~\u00a0-\uffff]/.test(text);
}

function commonFault(topic: string): string | undefined {
  if (topic === "") return "it is empty";
  if (hasControl(topic)) return "it holds a control character";
  if (!topic.isWellFormed()) return "it holds half a character";
  // A UTF-16 unit takes at most three bytes in UTF-8.
  if (3 * topic.length <= MAX_TOPIC_BYTES) return undefined;
  const { length } = encoder.encode(topic);
  if (length <= MAX_TOPIC_BYTES) return undefined;
  return `it has ${length} bytes, the limit is ${MAX_TOPIC_BYTES}`;
}

function badTopic(what: string, topic: string, reason: string): FifobusError {
  const start = topic.slice(0, SHOWN_CHARACTERS);
  const shown = JSON.stringify(start) + (start === topic ? "" : "…");
  return new FifobusError(
    "bad_address",
    `Cannot use the ${what} ${shown}: ${reason}`,
  );
}
