/**
 * The folder that is the bus: where it is, and who may write to it.
 *
 * @module
 */
import { checkSystem } from "../fifo/file.ts";
import { load } from "../load.ts";
import { readSubscriptions } from "./names.ts";
import { refused, unsafe } from "./unsafe.ts";

/** Who may use the bus, unless told otherwise: its owner. */
export const DEFAULT_BUS_MODE = 0o700;

/** How old a FIFO without a name is when its maker has surely died. */
const ORPHAN_MS = 60_000;

/**
 * The time stamp of a folder moves in ticks: of up to 10 ms, and of 1 or 2 s on
 * some file systems, where it has no fraction. A change in the same tick as a
 * listing does not show, so a young folder is listed again.
 */
const TICK_MS = 20;
const COARSE_TICK_MS = 2100;

/** The bus, as this process uses it. */
export interface Bus {
  /** The path of its folder. */
  readonly path: string;
  /** The permissions that it may have. */
  readonly mode: number;
  /** Whether the files of other users in it are trusted. */
  readonly isShared: boolean;
  /**
   * Gives a file that was just made to the users of the bus: to the group of its
   * folder, with the permissions of the bus, whatever the umask.
   *
   * @param path The file.
   * @param mask Which of the permissions it may have.
   * @param info Which file that is, as far as its maker knows.
   */
  share(path: string, mask: number, info?: Deno.FileInfo): void;
}

/**
 * Opens the bus, and makes its folder if it is not there.
 *
 * @param mode The permissions it may have at most, and gets if it is made.
 * @returns The bus.
 * @throws {FifobusError} `unsafe_bus`, if somebody else could change it;
 * `no_fifos`.
 */
export async function openBus(mode: number): Promise<Bus> {
  checkSystem();
  const named = folderPath();
  if (!lstatIfThere(named)) checkPlace(named);
  const isNew = makeFolder(named, mode);
  const share = await sharing(mode);
  if (isNew) share(named, named, 0o7777);
  check(named, mode);
  // Names are still to be removed after a Deno.chdir().
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
 * @param path Where.
 * @param mode Its permissions.
 * @returns Whether it was not there.
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

function check(path: string, mode: number): void {
  const info = Deno.lstatSync(path);
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

/** Loads what it takes to share files; where one user is alone, nothing. */
async function sharing(mode: number): Promise<
  (bus: string, path: string, mask: number, info?: Deno.FileInfo) => void
> {
  if ((mode & 0o077) === 0) return () => {};
  // node:fs takes 25 ms to load.
  const { adopt } = await load<typeof import("../fifo/adopt.ts")>(
    import.meta.resolve("../fifo/adopt.ts"),
  );
  return (bus, path, mask, info = Deno.lstatSync(path)) => {
    // Another name of it: it may be any of our files that somebody linked here.
    if (!info.isDirectory && info.nlink !== 1) return;
    const { gid, mode: folderMode } = Deno.statSync(bus);
    // What is made in such a folder is its group's, too.
    const setgid = info.isDirectory ? folderMode! & 0o2000 : 0;
    const wanted = mode & mask | setgid;
    if ((info.mode! & 0o7777) === wanted && info.gid === gid) return;
    adopt(path, info, { uid: info.uid, gid, mode: wanted });
  };
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
 * Tells whether a change of a folder may have gone unseen since it was changed
 * last.
 *
 * @param mtimeMs When that was.
 * @returns Whether its time stamp would be the same.
 */
export function isYoung(mtimeMs: number): boolean {
  const tick = mtimeMs % 1000 === 0 ? COARSE_TICK_MS : TICK_MS;
  return Date.now() - mtimeMs < tick;
}

/**
 * Removes what is of no use any more, if that is allowed: in a sticky folder and
 * on a file system that is read-only it is not, and it is no reason to fail.
 *
 * @param path The file.
 */
export function tidy(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone, or it is somebody else's.
  }
}

/**
 * Removes what a member that died has left, but nothing that is not a FIFO.
 *
 * @param path The name.
 */
export function tidyFifo(path: string): void {
  if (lstatIfThere(path)?.isFifo) tidy(path);
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
    const { isRead } = await load<typeof import("../fifo/nonblocking.ts")>(
      import.meta.resolve("../fifo/nonblocking.ts"),
    );
    if (isRead(path) === false) tidy(path);
  }
}

/**
 * Checks that a file can be read to its end, at once.
 *
 * @param info What lstat said of it.
 * @param maxBytes How long it may be.
 * @throws {Error} If it is something else, or longer.
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
 * Looks at a file that another process may have removed before.
 *
 * @param path The file; a symbolic link is not followed.
 * @returns What it is; undefined if it is not there, or cannot be looked at.
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
  const info = isAllowed ? lstatIfThere(path) : undefined;
  return info?.isDirectory && info.uid === Deno.uid() ? path : undefined;
}

/** Checks that a bus is not made where its user could not use it any more. */
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
