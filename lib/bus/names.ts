/**
 * The names of the files of the bus: what a subscription is called.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import type { Delimiter } from "../wire/framing.ts";
import { refused } from "./unsafe.ts";

/** Stands before the mark of those who leave out what has the same mark. */
const ORIGIN_MARK = "~";

/** NAME_MAX of Linux, macOS and the BSDs. */
const MAX_NAME_BYTES = 255;

/** Behind the member's id, if its messages end with a NUL byte. */
const NUL_MARK = "@0";

/** Before the name of a group, where others have the id of a process. */
const GROUP_MARK = "+";

/** One name in the folder. */
export interface Subscription {
  /** The topic filter. */
  filter: string;
  /** Names the process that subscribes, or what a group shares. */
  member: string;
  /** The group that shares it, if one does. */
  group: string | undefined;
  /** It leaves out what has this mark. */
  origin: string | undefined;
  /** What ends its messages. */
  delimiter: Delimiter;
  /** The name of the file. */
  name: string;
}

/**
 * The name of a subscription's file.
 *
 * @param filter Its filter.
 * @param member Its member.
 * @param delimiter What ends its messages.
 * @returns The name.
 * @throws {FifobusError} `bad_address`, if the filter is too long for one.
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
 * What file names must not tell apart, as some file systems do not: capitals,
 * but for those of an escape.
 */
const FOLDED = /%[0-9A-F]{2}|[A-Z]/g;

/**
 * Writes a topic or a filter as the name of a file. A dot at its beginning is
 * written as an escape: a shell's `*` passes over such names, and `.` and `..`
 * are folders.
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
 * Checks that a file may have a name.
 *
 * @param name The name.
 * @param topic What it was made of, for the error.
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
 * Names a member, so that it is told from all others of the bus.
 *
 * @param origin The mark of what it leaves out, if it does.
 * @returns The name: its process, since when, and something random.
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
 * Names what a group shares, where others have the name of a member.
 *
 * @param group The group.
 * @param origin The mark of what it leaves out, if it does.
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

/** What is in a folder that may be removed at any time. */
function entries(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw refused(path, "read", error);
  }
}

/** Whether somebody can subscribe to it: not what a stray file is called. */
function isFilter(text: string): boolean {
  return text !== "" && !/\p{Cc}/u.test(text);
}

/**
 * Lists the subscriptions.
 *
 * @param path The folder.
 * @returns All names that are one, whether somebody is behind them or not.
 */
export function readSubscriptions(path: string): Subscription[] {
  const subscriptions: Subscription[] = [];
  for (const entry of entries(path)) {
    const { name, isFile, isSymlink, isDirectory } = entry;
    const at = name.indexOf("@");
    if (at < 0 || isFile || isSymlink || isDirectory) continue;
    const nul = name.endsWith(NUL_MARK);
    const member = name.slice(at + 1, nul ? -NUL_MARK.length : undefined);
    try {
      const filter = decodeURIComponent(name.slice(0, at));
      if (!isFilter(filter)) continue;
      const delimiter = nul ? "\0" : "\n";
      const origin = originOf(member);
      const group = groupOf(member);
      subscriptions.push({
        filter,
        // A group has a FIFO for each of its filters.
        member: group === undefined ? member : name,
        group,
        origin,
        delimiter,
        name,
      });
    } catch {
      // Somebody else's file: a name that no filter encodes to.
    }
  }
  return subscriptions;
}
