/**
 * Rules that raise an alarm: `--alarm 'warehouse/+/temperature>30'`.
 *
 * @module
 */
import { UsageError } from "./exit_codes.ts";
import { type Member, readMember } from "./member.ts";
import { duration, type ValueKind } from "./options/values.ts";

const COMPARISONS = {
  ">": (a: number, b: number) => a > b,
  "<": (a: number, b: number) => a < b,
  ">=": (a: number, b: number) => a >= b,
  "<=": (a: number, b: number) => a <= b,
  "=": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
};

/** When a rule holds for the value of a message. */
export type Condition =
  /** The number compares so; a raised alarm ends at the number `until`. */
  | { kind: "number"; comparison: Comparison; limit: number; until?: number }
  /** The text is this one, or another one. */
  | { kind: "text"; isEqual: boolean; text: string }
  /** No message came for that long. */
  | { kind: "silent"; silentMs: number };

/** How numbers are compared. */
export type Comparison = keyof typeof COMPARISONS;

/** A rule. */
export interface Alarm extends Member {
  /** The rule as the user wrote it. */
  rule: string;
  /** When it holds. */
  condition: Condition;
  /** How long it has to hold before it raises the alarm, in milliseconds. */
  forMs: number;
}

/** A number as people write it, and one that a double can hold. */
function isNumber(text: string): boolean {
  return NUMBER.test(text) && Number.isFinite(Number(text));
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i;

/** A filter, the last run of operators outside of quotes, and what follows. */
const COMPARED = /^(.*?)\s*([<>=!]+)\s*("[^"]*"|'[^']*'|[^<>=!"']*)$/s;
const SILENT = /^(.+?)\s+silent(?:\s+(.*))?$/s;
const SUFFIX = /^(.*\S)\s+(for|until)\s+(\S+)$/s;

/**
 * Tells whether a number raises an alarm, or keeps it raised.
 *
 * @param condition The comparison.
 * @param value The number.
 * @param isRaised Whether the alarm is raised now.
 * @returns Whether it is raised from now on.
 */
export function holds(
  { comparison, limit, until }: Extract<Condition, { kind: "number" }>,
  value: number,
  isRaised = false,
): boolean {
  if (COMPARISONS[comparison](value, limit)) return true;
  if (!isRaised || until === undefined) return false;
  return comparison.startsWith(">") ? value > until : value < until;
}

/** A rule on the command line. */
export const alarm: ValueKind<Alarm> = {
  placeholder: "RULE",
  description: "a rule such as 'a/+ > 30 for 10s' or 'a/b silent 60s'",
  read: readAlarm,
};

function readAlarm(text: string): Alarm {
  const rule = text.trim();
  const start = `option --alarm does not take ${JSON.stringify(rule)}`;
  const fail = (reason: string) => new UsageError(`${start}: ${reason}`);
  const timeOf = (text: string, what: string) => {
    const time = duration.read(text);
    if (time !== undefined) return time;
    throw fail(`${what} takes ${duration.description}, not "${text}"`);
  };
  // A quoted text may end in words that look like these.
  const silent = /["']$/.test(rule) ? null : SILENT.exec(rule);
  if (silent && !/[<>=!]/.test(silent[2] ?? "")) {
    const member = readMember(silent[1]!, start);
    if (member.path !== undefined) {
      throw fail("a topic is silent, not a member of its messages");
    }
    const silentMs = timeOf(silent[2] ?? "", "silent");
    if (silentMs === 0) throw fail("silent takes a time above 0");
    const condition: Condition = { kind: "silent", silentMs };
    return { ...member, rule, condition, forMs: 0 };
  }
  let forMs = 0;
  let until: number | undefined;
  let rest = rule;
  const known = new Set<string>();
  for (let found; (found = SUFFIX.exec(rest)) && !/["']$/.test(rest);) {
    const [, before, word, value] = found as unknown as [string, ...string[]];
    if (!COMPARED.test(before!)) break;
    if (known.has(word!)) throw fail(`${word} stands there twice`);
    known.add(word!);
    if (word === "for") forMs = timeOf(value!, "for");
    else if (isNumber(value!)) until = Number(value);
    else throw fail(`until takes a number, not "${value}"`);
    rest = before!;
  }
  const [, filter, operator, limit] = COMPARED.exec(rest) ?? [];
  if (filter === undefined) {
    const [quoted] = /["'][^"']*$/.exec(rest) ?? [];
    if (quoted) throw fail(`the quote is not closed in ${quoted}`);
    throw fail(
      'it has no comparison; write FILTER > 30, FILTER = "on" or FILTER silent 60s',
    );
  }
  const comparison = operator === "==" ? "=" : operator!;
  if (!Object.hasOwn(COMPARISONS, comparison)) {
    throw fail(`"${operator}" is not a comparison; those are > < >= <= = !=`);
  }
  const member = readMember(filter, start);
  const condition = conditionOf(comparison as Comparison, limit!, until, fail);
  return { ...member, rule, condition, forMs };
}

function conditionOf(
  comparison: Comparison,
  limit: string,
  until: number | undefined,
  fail: (reason: string) => Error,
): Condition {
  if (/^["']/.test(limit)) {
    const isEqual = comparison === "=";
    if (!isEqual && comparison !== "!=") {
      throw fail(`a text is compared by = or !=, not by ${comparison}`);
    }
    if (until !== undefined) throw fail("until is for numbers");
    return { kind: "text", isEqual, text: limit.slice(1, -1) };
  }
  if (!isNumber(limit)) {
    throw fail(
      limit === ""
        ? `there is no limit behind ${comparison}`
        : `"${limit}" is neither a number nor a text in quotes`,
    );
  }
  const condition = {
    kind: "number" as const,
    comparison,
    limit: Number(limit),
  };
  if (until === undefined) return condition;
  if (!/^[<>]/.test(comparison)) {
    throw fail(`until goes with > < >= <=, not with ${comparison}`);
  }
  const isOutside = comparison.startsWith(">")
    ? until <= condition.limit
    : until >= condition.limit;
  if (isOutside) return { ...condition, until };
  throw fail(
    `until ${until} is not on the other side of ${comparison}${limit}`,
  );
}
