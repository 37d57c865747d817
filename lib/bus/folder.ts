/**
 * The folder of the bus: where it is, and which users may write to it.
 *
 * @module
 */
import { folderPath } from "../address.ts";
import { checkSystem } from "../fifo/file.ts";
import { load } from "../load.ts";
import { readSubscriptions } from "./names.ts";
import { refused, unsafe } from "./unsafe.ts";

/** The default permissions of the bus: only its owner may use it. */
export const DEFAULT_BUS_MODE = 0o700;

/** At this age of a FIFO without names, its maker is certainly dead. */
const ORPHAN_MS = 60_000;

/**
 * The time stamp of a folder advances in ticks of up to 10 ms. On some file
 * systems the ticks are 1 or 2 s, and the stamp has no fraction. A change in
 * the same tick as a listing is invisible, so we list a young folder again.
 */
const TICK_MS = 20;
const COARSE_TICK_MS = 2100;

/** The bus that this process uses. */
export interface Bus {
  /** The path of its folder. */
  readonly path: string;
  /** The most permissions that the folder may have. */
  readonly mode: number;
  /** Whether to trust the files of other users in the folder. */
  readonly isShared: boolean;
  /**
   * Gives a new file to the users of the bus: the file gets the group of the
   * folder and the permissions of the bus; the umask does not apply.
   *
   * @param path The file.
   * @param mask Which of the permissions it may have.
   * @param info Its stat result, if the caller has it.
   */
  share(path: string, mask: number, info?: Deno.FileInfo): void;
}

/**
 * Opens the bus, and makes its folder if it does not exist.
 *
 * @param mode The permissions of a new folder, and the most that an existing
 * folder may have.
 * @returns The bus.
 * @throws {FifobusError} `unsafe_bus`, if somebody else could change it;
 * `no_fifos`.
 */
export async function openBus(mode: number): Promise<Bus> {
  checkSystem();
  const named = folderPath();
  const info = lstatIfThere(named);
  if (!info) checkPlace(named);
  // A mkdir(2) that fails costs 0.3 ms: Deno makes an error.
  const isNew = !info && makeFolder(named, mode);
  const share = await sharing(mode);
  if (isNew) share(named, named, 0o7777);
  check(named, info ?? Deno.lstatSync(named), mode);
  // An absolute path, so that we can remove names after a Deno.chdir().
  const path = named.startsWith("/") ? named : Deno.realPathSync(named);
  return {
    path,
    mode,
    isShared: (mode & 0o022) !== 0,
    share: (file, mask, info) => share(path, file, mask, info),
  };
}

/**
 * Makes a folder.
 *
 * @param path Where to make it.
 * @param mode Its permissions.
 * @returns True if it is new, false if it was there already.
 * @throws {FifobusError} `unsafe_bus`, if it cannot be made.
 */
export function makeFolder(path: string, mode: number): boolean {
  try {
    Deno.mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw unsafe(path, "the folder that would hold it is not there");
    }
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw refused(path, "make", error);
  }
}

function check(path: string, info: Deno.FileInfo, mode: number): void {
  if (!info.isDirectory) throw unsafe(path, "it is not a folder");
  if (!isTrusted(info)) throw unsafe(path, `user ${info.uid} owns it`);
  const open = info.mode! & 0o022 & ~mode;
  if (open === 0) return;
  const now = (info.mode! & 0o7777).toString(8);
  throw unsafe(
    path,
    `others may write to it (mode ${now}); chmod go-w it, or allow that with { mode: 0o${now} }`,
  );
}

/** Loads the module to share files; for a bus of one user, it loads nothing. */
async function sharing(mode: number): Promise<
  (bus: string, path: string, mask: number, info?: Deno.FileInfo) => void
> {
  if ((mode & 0o077) === 0) return () => {};
  // node:fs takes 25 ms to load.
  const { adopt } = await load<typeof import("../fifo/adopt.ts")>(
    import.meta.resolve("../fifo/adopt.ts"),
  );
  return (bus, path, mask, info = Deno.lstatSync(path)) => {
    // It has several names: somebody may have linked any of our files here.
    if (!info.isDirectory && info.nlink !== 1) return;
    const { gid, mode: folderMode } = Deno.statSync(bus);
    // New files in a setgid folder get its group, too.
    const setgid = info.isDirectory ? folderMode! & 0o2000 : 0;
    const wanted = mode & mask | setgid;
    if ((info.mode! & 0o7777) === wanted && info.gid === gid) return;
    adopt(path, info, { uid: info.uid, gid, mode: wanted });
  };
}

/**
 * Tells whether a file belongs to this user or to the superuser.
 *
 * @param info Its lstat result.
 * @returns Whether it does.
 */
export function isTrusted(info: Deno.FileInfo): boolean {
  return info.uid === 0 || info.uid === Deno.uid();
}

/**
 * Tells whether the last change of a folder is so recent that another change
 * may not move its time stamp.
 *
 * @param mtimeMs The time stamp of the last change.
 * @returns Whether another change now could have the same time stamp.
 */
export function isYoung(mtimeMs: number): boolean {
  const tick = mtimeMs % 1000 === 0 ? COARSE_TICK_MS : TICK_MS;
  return Date.now() - mtimeMs < tick;
}

/**
 * Removes a file that has no use any more, if this user may. In a sticky folder
 * or on a read-only file system it may not; that is not a reason to fail.
 *
 * @param path The file.
 */
export function tidy(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone, or it belongs to somebody else.
  }
}

/**
 * Removes a FIFO that a dead member has left, but nothing other than a FIFO.
 *
 * @param path The name.
 */
export function tidyFifo(path: string): void {
  if (lstatIfThere(path)?.isFifo) tidy(path);
}

/**
 * Removes the FIFOs of members that died before they had a name. No publisher
 * finds these FIFOs, so none would remove them.
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
    const { isRead } = await load<typeof import("../fifo/nonblocking.ts")>(
      import.meta.resolve("../fifo/nonblocking.ts"),
    );
    if (isRead(path) === false) tidy(path);
  }
}

/**
 * Checks that we can read a file to its end without waiting.
 *
 * @param info Its lstat result.
 * @param maxBytes How long it may be.
 * @throws {Error} If it is not a regular file, or longer.
 */
export function checkRegular(
  { isFile, size }: Deno.FileInfo,
  maxBytes: number,
): void {
  if (!isFile) throw new Error("it is not a regular file");
  if (size > maxBytes) {
    throw new Error(`it is ${size} bytes, the limit is ${maxBytes}`);
  }
}

/**
 * Looks at a file that another process may have removed.
 *
 * @param path The file; a symbolic link is not followed.
 * @returns Its lstat result; undefined if it does not exist, or we cannot look
 * at it.
 */
export function lstatIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

/**
 * Checks that we do not make the bus in another user's runtime folder, where
 * that user could not use it any more.
 */
function checkPlace(path: string): void {
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  if (Deno.env.get("FIFOBUS_DIR") || !runtime) return;
  const info = lstatIfThere(runtime);
  if (!info || isTrusted(info)) return;
  throw unsafe(
    path,
    `XDG_RUNTIME_DIR is the folder of user ${info.uid}; ` +
      "unset it, or set FIFOBUS_DIR",
  );
}
