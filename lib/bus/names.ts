/**
 * The file names of the subscriptions on the bus.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { hasControl } from "../topic.ts";
import type { Delimiter } from "../wire/framing.ts";
import { refused } from "./unsafe.ts";

/** Comes before the mark of subscribers that leave out messages with it. */
const ORIGIN_MARK = "~";

/** NAME_MAX of Linux, macOS and the BSDs. */
const MAX_NAME_BYTES = 255;

/** Comes after the member's id, if its messages end with a NUL byte. */
const NUL_MARK = "@0";

/** Comes before the name of a group, in the place of a process's id. */
const GROUP_MARK = "+";

/** A subscription, as its name in the folder says it. */
export interface Subscription {
  /** The topic filter. */
  filter: string;
  /** The name of the subscribing process, or of a group's FIFO. */
  member: string;
  /** The group that shares the subscription, if any. */
  group: string | undefined;
  /** The mark of messages that it leaves out, if any. */
  origin: string | undefined;
  /** What ends its messages. */
  delimiter: Delimiter;
  /** The name of the file. */
  name: string;
}

/**
 * Returns the file name of a subscription.
 *
 * @param filter Its filter.
 * @param member Its member.
 * @param delimiter What ends its messages.
 * @returns The name.
 * @throws {FifobusError} `bad_address`, if the filter is too long for a file
 * name.
 */
export function subscriptionName(
  filter: string,
  member: string,
  delimiter: Delimiter,
): string {
  const mark = delimiter === "\0" ? NUL_MARK : "";
  const name = `${fileName(filter)}@${member}${mark}`;
  checkLength(name, filter);
  return name;
}

/**
 * Characters to escape because some file systems ignore case: capitals, except
 * the ones in an escape.
 */
const FOLDED = /%[0-9A-F]{2}|[A-Z]/g;

/**
 * Encodes a topic or a filter as a file name. It escapes a dot at the
 * beginning, because a shell's `*` skips such names, and `.` and `..` are
 * folders.
 *
 * @param topic The topic.
 * @returns The name, without a slash or an `@`.
 */
export function fileName(topic: string): string {
  return encodeURIComponent(topic).replace(
    FOLDED,
    (it) =>
      it.length > 1 ? it : `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  ).replace(/^\./, "%2E");
}

/**
 * Checks that a file name is not too long.
 *
 * @param name The name.
 * @param topic The topic it was made from, for the error.
 * @throws {FifobusError} `bad_address`, if it is too long.
 */
export function checkLength(name: string, topic: string): void {
  if (name.length <= MAX_NAME_BYTES) return;
  throw new FifobusError(
    "bad_address",
    `Cannot use the topic "${topic}": its file name would have ` +
      `${name.length} bytes, the limit is ${MAX_NAME_BYTES}`,
  );
}

/**
 * Makes a name for a member, unique on the bus.
 *
 * @param origin The mark of messages that it leaves out, if any.
 * @returns The name: the process id, the time, and a random part.
 */
export function memberName(origin: string | undefined): string {
  const since = Date.now().toString(36);
  const random = crypto.randomUUID().slice(0, 8);
  const mark = origin === undefined
    ? ""
    : `${ORIGIN_MARK}${encodeURIComponent(origin)}`;
  return `${Deno.pid}-${since}-${random}${mark}`;
}

/**
 * Makes the name of a group, which takes the place of a member's name.
 *
 * @param group The group.
 * @param origin The mark of messages that it leaves out, if any.
 * @returns The name.
 */
export function groupName(group: string, origin: string | undefined): string {
  const encode = (text: string) =>
    fileName(text).replaceAll(ORIGIN_MARK, "%7E");
  const mark = origin === undefined ? "" : ORIGIN_MARK + encode(origin);
  return GROUP_MARK + encode(group) + mark;
}

function groupOf(member: string): string | undefined {
  if (!member.startsWith(GROUP_MARK)) return undefined;
  const [name] = member.slice(1).split(ORIGIN_MARK, 1);
  return decodeURIComponent(name!);
}

function originOf(member: string): string | undefined {
  const at = member.indexOf(ORIGIN_MARK);
  return at < 0 ? undefined : decodeURIComponent(member.slice(at + 1));
}

/** Lists a folder that somebody may remove at any time. */
function entries(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw refused(path, "read", error);
  }
}

/** Whether it can be a filter, and is not just the name of a stray file. */
function isFilter(text: string): boolean {
  return text !== "" && !hasControl(text);
}

/**
 * Lists the names of files that may be subscriptions.
 *
 * @param path The folder.
 * @returns The names; {@linkcode parseName} reads them.
 */
export function readNames(path: string): string[] {
  return entries(path)
    .filter(({ isFile, isSymlink, isDirectory }) =>
      !isFile && !isSymlink && !isDirectory
    )
    .map(({ name }) => name)
    .filter((name) => name.includes("@"));
}

/**
 * Reads the name of a file.
 *
 * @param name The name.
 * @returns The subscription; undefined if it is the name of another file.
 */
export function parseName(name: string): Subscription | undefined {
  const at = name.indexOf("@");
  const nul = name.endsWith(NUL_MARK);
  const member = name.slice(at + 1, nul ? -NUL_MARK.length : undefined);
  try {
    const filter = decodeURIComponent(name.slice(0, at));
    if (!isFilter(filter)) return undefined;
    const delimiter = nul ? "\0" : "\n";
    const origin = originOf(member);
    const group = groupOf(member);
    return {
      filter,
      // A group has a FIFO for each of its filters.
      member: group === undefined ? member : name,
      group,
      origin,
      delimiter,
      name,
    };
  } catch {
    // A foreign file: no filter has this encoding.
    return undefined;
  }
}

/**
 * Lists the subscriptions.
 *
 * @param path The folder.
 * @returns All names of subscriptions, whether or not the subscriber is alive.
 */
export function readSubscriptions(path: string): Subscription[] {
  return readNames(path).map(parseName).filter((it) => it !== undefined);
}
