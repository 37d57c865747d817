/**
 * One FIFO in the file system: made, and found to be one.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";

/** Who may use a FIFO that is made, unless told otherwise: its owner. */
export const DEFAULT_MODE = 0o600;

/**
 * How many bytes a write(2) to a FIFO puts in whole, whoever else writes:
 * PIPE_BUF, 4096 on Linux and 512 elsewhere, see pipe(7).
 */
export const PIPE_BUF = Deno.build.os === "linux" ? 4096 : 512;

/**
 * Checks that this system has FIFOs at all.
 *
 * @throws {FifobusError} `no_fifos`.
 */
export function checkSystem(): void {
  if (Deno.build.os !== "windows") return;
  throw new FifobusError(
    "no_fifos",
    "Cannot publish or subscribe: Windows has no FIFOs; in WSL it works",
  );
}

/** Where it is for those who have no PATH. */
const MKFIFO = "/usr/bin/mkfifo";

/**
 * Makes a FIFO, unless there is one: mkfifo(1).
 *
 * @param path Where.
 * @param mode Its permissions, whatever the umask.
 * @throws {FifobusError} `not_a_fifo`, if the path is taken by something else
 * or the FIFO cannot be made; `no_fifos`.
 */
export async function ensureFifo(path: string, mode: number): Promise<void> {
  checkSystem();
  if (exists(path)) return;
  const output = await mkfifo(path, mode);
  if (output?.success) return;
  // Another program may have made it since.
  if (exists(path)) return;
  if (!output) throw unusable(path, "the program mkfifo is not on the PATH");
  const said = new TextDecoder().decode(output.stderr).trim().split(": ");
  throw unusable(path, notMade(path, said.at(-1)!));
}

/** Why mkfifo(1) could not make a FIFO. */
function notMade(path: string, said: string): string {
  switch (said) {
    case "No such file or directory":
      return path.endsWith("/")
        ? "a name that ends with a slash is that of a folder"
        : "its folder is not there";
    case "File exists":
      return "it is a symbolic link to nothing";
    case "Permission denied":
      return "no permission to make it in its folder";
    default:
      return reasonOf(said);
  }
}

/**
 * Checks that an open file is a FIFO: the path may have come to mean another
 * since it was looked at.
 *
 * @param file The open file, closed if it is something else.
 * @param path What it was opened as.
 * @returns The file.
 * @throws {FifobusError} `not_a_fifo`.
 */
export function checkFifo(file: Deno.FsFile, path: string): Deno.FsFile {
  const info = file.statSync();
  if (info.isFifo) return file;
  file.close();
  throw unusable(path, `it is ${kind(info)}`);
}

type Lockable = Pick<Deno.FsFile, "unlockSync"> & {
  tryLockSync?(exclusive: boolean): boolean;
};

/**
 * Takes a lock, see flock(2), if it is free.
 *
 * @param file What to lock.
 * @param exclusive Whether nobody else may have it.
 * @returns Whether it was free; undefined on Deno 2.6, which can only wait.
 */
export function tryLock(
  file: Deno.FsFile,
  exclusive: boolean,
): boolean | undefined {
  const lockable: Lockable = file;
  return lockable.tryLockSync?.(exclusive);
}

/**
 * Looks at a FIFO that has to be there.
 *
 * @param path Where it is.
 * @returns What stat says of it.
 * @throws {FifobusError} `not_a_fifo`.
 */
export function statFifo(path: string): Deno.FileInfo {
  if (!exists(path)) throw unusable(path, "it is not there");
  return Deno.statSync(path);
}

/** Looks at a FIFO that was opened, and throws if it is not to be used. */
export type Accept = (info: Deno.FileInfo) => void;

/**
 * Refuses FIFOs that another user has made where anybody could: in /tmp, say. That
 * user could read what is published, and forge what is received.
 *
 * @param path The address.
 * @param mode The permissions that were asked for: if others may write, their
 * FIFOs are welcome.
 * @returns Looks at the FIFO once it is open.
 */
export function refuseOthers(path: string, mode: number | undefined): Accept {
  return ({ uid }) => {
    const own = ownUid();
    if (own === null || uid === own || uid === 0) return;
    if ((mode ?? 0) & 0o022 || uid === ownerOfFolder(path)) return;
    throw unusable(
      path,
      `user ${uid} made it; mode 666 says that it is shared`,
    );
  };
}

/**
 * Tells who we are.
 *
 * @returns The user's id; null without the permission to ask for it.
 */
export function ownUid(): number | null {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "uid" });
  return state === "granted" ? Deno.uid() : null;
}

/** Null if this process may not look. */
function ownerOfFolder(fifo: string): number | null {
  const path = fifo.slice(0, fifo.lastIndexOf("/") + 1) || ".";
  const { state } = Deno.permissions.querySync({ name: "read", path });
  return state === "granted" ? Deno.statSync(path).uid : null;
}

/**
 * Tells whether two looks were at one file.
 *
 * @param one What stat said.
 * @param other What it said the other time.
 * @returns Whether they were.
 */
export function isSameFile(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/**
 * Says that a path has come to mean another file.
 *
 * @param path Which.
 * @returns The error.
 */
export function wasReplaced(path: string): FifobusError {
  return unusable(path, "it was replaced by another file");
}

/**
 * Says that a file cannot be opened.
 *
 * @param path Which.
 * @param error What the system said.
 * @param access What was wanted: "read", "write".
 * @returns The error, to be thrown.
 */
export function cannotOpen(
  path: string,
  error: unknown,
  access: string,
): unknown {
  const { NotFound, NotCapable, PermissionDenied } = Deno.errors;
  const { code } = Object(error) as { code?: unknown };
  if (error instanceof NotCapable || typeof code !== "string") return error;
  if (error instanceof FifobusError) return error;
  const isRefused = error instanceof PermissionDenied || code === "EACCES";
  const reason = isRefused
    ? `no permission to ${access} it`
    : error instanceof NotFound || code === "ENOENT"
    ? "it was removed"
    : reasonOf(error);
  return unusable(path, reason, error);
}

/** Runs the program; undefined if it is not found. */
async function mkfifo(
  path: string,
  mode: number,
): Promise<Deno.CommandOutput | undefined> {
  const options: Deno.CommandOptions = {
    args: ["-m", mode.toString(8).padStart(4, "0"), "--", path],
    // With LD_PRELOAD, which stdbuf(1) sets, or LD_LIBRARY_PATH in it, Deno asks
    // for the permission to run any program.
    clearEnv: true,
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  };
  try {
    return await new Deno.Command("mkfifo", options).output();
  } catch (error) {
    // Deno 2.6 has no class for the error that there is no PATH.
    if (error instanceof Deno.errors.NotCapable) {
      const reason = "it is not there, and making it needs --allow-run=mkfifo";
      throw unusable(path, reason, error);
    }
  }
  try {
    return await new Deno.Command(MKFIFO, options).output();
  } catch (error) {
    const { NotCapable, NotFound } = Deno.errors;
    if (error instanceof NotCapable || error instanceof NotFound) return;
    throw error;
  }
}

function exists(path: string): boolean {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Deno.errors.NotADirectory
      ? "a part of the path is not a folder"
      : error instanceof Deno.errors.PermissionDenied
      ? "no permission to look into its folder"
      : reasonOf(error);
    throw unusable(path, reason, error);
  }
  if (!info.isFifo) throw unusable(path, `it is ${kind(info)}`);
  return true;
}

/**
 * Says what a file is that is not a FIFO.
 *
 * @param info What stat said of it.
 * @returns In words.
 */
export function kind(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a symbolic link";
  if (info.isDirectory) return "a folder";
  if (info.isSocket) return "a socket";
  return info.isFile ? "a regular file" : "a device";
}

/**
 * Says why a path cannot be used as a FIFO.
 *
 * @param path Which.
 * @param reason Why.
 * @param cause What the system said.
 * @returns The error.
 */
export function unusable(
  path: string,
  reason: string,
  cause?: unknown,
): FifobusError {
  return new FifobusError(
    "not_a_fifo",
    `Cannot use "${path}" as a FIFO: ${reason}`,
    { cause },
  );
}
