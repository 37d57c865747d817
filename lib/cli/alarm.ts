/**
 * Rules that raise an alarm: `--alarm 'warehouse/+/temperature>30'`.
 *
 * @module
 */
import { checkTopicFilter } from "../topic.ts";
import type { ValueKind } from "./options/values.ts";

const COMPARISONS = {
  ">": (a: number, b: number) => a > b,
  "<": (a: number, b: number) => a < b,
  ">=": (a: number, b: number) => a >= b,
  "<=": (a: number, b: number) => a <= b,
  "=": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
};

/** A rule. */
export interface Alarm {
  /** The topics that the rule is for. */
  filter: string;
  /** How to compare the number of a message with the limit. */
  comparison: keyof typeof COMPARISONS;
  /** The limit. */
  limit: number;
}

const RULE = /^(.+?)\s*(>=|<=|!=|>|<|=)\s*([+-]?(?:\d+\.?\d*|\.\d+))$/;

/**
 * Tells whether a number raises an alarm.
 *
 * @param alarm The rule.
 * @param value The number.
 * @returns Whether it raises the alarm.
 */
export function holds({ comparison, limit }: Alarm, value: number): boolean {
  return COMPARISONS[comparison](value, limit);
}

/** A rule on the command line. */
export const alarm: ValueKind<Alarm> = {
  placeholder: "RULE",
  description:
    "a topic filter, one of > < >= <= = != and a number, such as a/+>30",
  read: (text) => {
    const [, filter, comparison, limit] = RULE.exec(text) ?? [];
    // `a>>5` and `a==5` are slips, not filters that end in an operator.
    if (filter === undefined || /[<>=!]$/.test(filter)) return undefined;
    try {
      checkTopicFilter(filter);
    } catch {
      return undefined;
    }
    return {
      filter,
      comparison: comparison as Alarm["comparison"],
      limit: Number(limit),
    };
  },
};
