/**
 * The folder that is the bus: a name in it is a subscription.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";
import { checkSystem } from "../fifo/file.ts";
import type { Delimiter } from "../framing.ts";
import { load } from "../load.ts";

/** Stands before the mark of those who leave out what has the same mark. */
const ORIGIN_MARK = "~";

/** Who may use the bus, unless told otherwise: its owner. */
export const DEFAULT_BUS_MODE = 0o700;

/** NAME_MAX of Linux, macOS and the BSDs. */
const MAX_NAME_BYTES = 255;

/** Behind the member's id, if its messages end with a NUL byte. */
const NUL_MARK = "@0";

/** Before the name of a group, where others have the id of a process. */
const GROUP_MARK = "+";

/** How old a FIFO without a name is when its maker has surely died. */
const ORPHAN_MS = 60_000;

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
 * Opens the bus, and makes its folder if it is not there.
 *
 * @param mode The permissions it may have at most, and gets if it is made.
 * @returns The folder's path.
 * @throws {FifobusError} `unsafe_bus`, if somebody else could change it;
 * `no_fifos`.
 */
export function openFolder(mode: number): string {
  checkSystem();
  const path = folderPath();
  if (!lookAt(path)) checkPlace(path);
  try {
    Deno.mkdirSync(path, { mode });
    // The umask has taken its part of the mode.
    Deno.chmodSync(path, mode);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw unsafe(path, "the folder that would hold it is not there");
    }
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw refused(path, "make", error);
    }
  }
  const info = Deno.lstatSync(path);
  if (!info.isDirectory) throw unsafe(path, "it is not a folder");
  if (!isTrusted(info)) throw unsafe(path, `user ${info.uid} owns it`);
  const open = info.mode! & 0o022 & ~mode;
  if (open !== 0) {
    const now = (info.mode! & 0o777).toString(8);
    throw unsafe(
      path,
      `others may write to it (mode ${now}); chmod go-w it, or allow that with { mode: 0o${now} }`,
    );
  }
  return path;
}

/**
 * Tells whether a file is this user's or the superuser's.
 *
 * @param info What lstat said of it.
 * @returns Whether it is.
 */
export function isTrusted(info: Deno.FileInfo): boolean {
  return info.uid === 0 || info.uid === Deno.uid();
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
 * Writes a topic or a filter as the name of a file.
 *
 * @param topic The topic.
 * @returns The name, without a slash or an `@`.
 */
export function fileName(topic: string): string {
  return encodeURIComponent(topic);
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
    encodeURIComponent(text).replaceAll(ORIGIN_MARK, "%7E");
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

/**
 * Removes a file that another process may have removed before.
 *
 * @param path The file.
 */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Removes the FIFOs of members that died before they had a name which a
 * publisher could have tried.
 *
 * @param folder The bus.
 */
export async function sweep(folder: string): Promise<void> {
  const members = new Set(readSubscriptions(folder).map((it) => it.member));
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.startsWith(".") || members.has(name.slice(1))) continue;
    const path = `${folder}/${name}`;
    const info = lstatIfThere(path);
    if (!info?.isFifo) continue;
    if (Date.now() - info.mtime!.getTime() < ORPHAN_MS) continue;
    const { hasReader } = await load<typeof import("../fifo/nonblocking.ts")>(
      import.meta.resolve("../fifo/nonblocking.ts"),
    );
    if (!hasReader(path)) removeIfThere(path);
  }
}

/**
 * Looks at a file that another process may have removed before.
 *
 * @param path The file; a symbolic link is not followed.
 * @returns What it is; undefined if it is not there.
 */
export function lstatIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function entries(path: string): Iterable<Deno.DirEntry> {
  try {
    return Deno.readDirSync(path);
  } catch (error) {
    throw refused(path, "read", error);
  }
}

/**
 * Says where the bus is, whether it is there or not.
 *
 * @returns The path of its folder.
 */
export function folderPath(): string {
  const own = Deno.env.get("FIFOBUS_DIR");
  if (own) return own;
  const runtime = Deno.env.get("XDG_RUNTIME_DIR") || runtimeFolder();
  return runtime ? `${runtime}/fifobus` : `/tmp/fifobus-${Deno.uid()}`;
}

/**
 * Finds the user's runtime folder where nothing names it: cron, ssh and sudo
 * would else have another bus than the desktop.
 */
function runtimeFolder(): string | undefined {
  const path = `/run/user/${Deno.uid()}`;
  // Nobody is to be asked for a permission because of this.
  const isAllowed = (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
  if (!isAllowed) return undefined;
  try {
    const { isDirectory, uid } = Deno.lstatSync(path);
    return isDirectory && uid === Deno.uid() ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Checks that a bus is not made where its user could not use it any more. */
function checkPlace(path: string): void {
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  if (Deno.env.get("FIFOBUS_DIR") || !runtime) return;
  const info = lookAt(runtime);
  if (!info || isTrusted(info)) return;
  throw unsafe(
    path,
    `XDG_RUNTIME_DIR is the folder of user ${info.uid}; ` +
      "unset it, or set FIFOBUS_DIR",
  );
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return lstatIfThere(path);
  } catch (error) {
    throw refused(path, "look at", error);
  }
}

/** Says why the system does not let us use the folder. */
function refused(path: string, action: string, error: unknown): unknown {
  const { NotCapable, NotFound, PermissionDenied } = Deno.errors;
  if (error instanceof NotCapable || error instanceof NotFound) return error;
  const reason = error instanceof PermissionDenied
    ? `no permission to ${action} it${ownerOf(path)}`
    : reasonOf(error);
  return unsafe(path, reason, error);
}

function ownerOf(path: string): string {
  try {
    const { uid } = Deno.lstatSync(path);
    return uid === Deno.uid() ? "" : `; it belongs to user ${uid}`;
  } catch {
    return "";
  }
}

function unsafe(path: string, reason: string, cause?: unknown): FifobusError {
  return new FifobusError(
    "unsafe_bus",
    `Cannot use "${path}" as the bus: ${reason}`,
    { cause },
  );
}
