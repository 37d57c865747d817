/**
 * Topic filters with a member of JSON messages: `zigbee/+#temperature`.
 *
 * @module
 */
import { inWords } from "../errors.ts";
import { checkTopicFilter } from "../topic.ts";
import { UsageError } from "./exit_codes.ts";

/** A value in the messages of some topics. */
export interface Member {
  /** The topics. */
  filter: string;
  /** The path of the member, as `ENERGY.Power`; undefined for the leading one. */
  path: string | undefined;
}

/**
 * Reads `FILTER#PATH` or `FILTER`. A `#` at the start or behind a slash is
 * always the wildcard, so a path behind that one has a `#` of its own:
 * `site/##temperature`, `##temperature`.
 *
 * @param text The filter with its path.
 * @param start The beginning of the error: `option --alarm does not take "…"`.
 * @returns Its parts.
 * @throws {UsageError} If it is malformed.
 */
export function readMember(text: string, start: string): Member {
  const fail = (reason: string) => new UsageError(`${start}: ${reason}`);
  let at = text.indexOf("#");
  if (at === 0 || text[at - 1] === "/") {
    const behind = text.slice(at + 1);
    if (behind !== "" && !/^[#/]/.test(behind)) {
      throw fail(
        `a # behind a slash is the wildcard; a member has another one: "${
          text.slice(0, at)
        }##${behind}"`,
      );
    }
    at = behind.startsWith("#") ? at + 1 : -1;
  }
  const filter = at < 0 ? text : text.slice(0, at);
  const path = at < 0 ? undefined : text.slice(at + 1);
  if (path === "") throw fail("the path behind # is empty");
  try {
    checkTopicFilter(filter);
  } catch (error) {
    throw fail(inWords(error).replace(/^Cannot use /, ""));
  }
  return { filter, path };
}
