/**
 * Making a FIFO in the file system, and checking that a file is a FIFO.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";

/** The default permissions of a new FIFO: only its owner may use it. */
export const DEFAULT_MODE = 0o600;

/**
 * How many bytes one write(2) puts into a FIFO atomically, even if others write
 * at the same time: PIPE_BUF, 4096 on Linux and 512 elsewhere, see pipe(7).
 */
export const PIPE_BUF = systemName() === "linux" ? 4096 : 512;

/**
 * Names the system. While mod.ts, pub.ts and sub.ts are loaded, nothing asks
 * Deno for something before this does, so here another runtime notices that it
 * is the wrong one: Node.js and Bun, which get the package from JSR through npm.
 */
function systemName(): string {
  if ("Deno" in globalThis) return Deno.build.os;
  throw new Error(
    "fifobus needs Deno: with Node.js or Bun run its programs pub and sub, or " +
      "open FIFOs as files, see " +
      "https://github.com/fifobus/fifobus/blob/main/docs/languages.md",
  );
}

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

/** Where to find mkfifo(1) if there is no PATH. */
const MKFIFO = "/usr/bin/mkfifo";

/**
 * Makes a FIFO with mkfifo(1), unless it already exists.
 *
 * @param path Where to make it.
 * @param mode Its permissions; the umask does not apply.
 * @throws {FifobusError} `not_a_fifo`, if something else has the path or the
 * FIFO cannot be made; `no_fifos`.
 */
export async function ensureFifo(path: string, mode: number): Promise<void> {
  checkSystem();
  if (exists(path)) return;
  const output = await mkfifo(path, mode);
  if (output?.success) return;
  // Another program may have made it in the meantime.
  if (exists(path)) return;
  if (!output) throw unusable(path, "the program mkfifo is not on the PATH");
  const said = new TextDecoder().decode(output.stderr).trim().split(": ");
  throw unusable(path, notMade(path, said.at(-1)!));
}

/** Says why mkfifo(1) could not make a FIFO. */
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
 * Checks that an open file is a FIFO: another file may have replaced it at its
 * path since the last check.
 *
 * @param file The open file; it is closed if it is not a FIFO.
 * @param path The path that it was opened with.
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

/** Whether Deno can try a lock: Deno 2.6 can only wait for it. */
export const CAN_TRY_LOCK = "tryLockSync" in Deno.FsFile.prototype;

/**
 * Takes a lock, see flock(2), if it is free.
 *
 * @param file What to lock.
 * @param exclusive Whether to take an exclusive lock, not a shared one.
 * @returns Whether the lock was free; undefined on Deno 2.6, which can only
 * wait for a lock.
 */
export function tryLock(
  file: Deno.FsFile,
  exclusive: boolean,
): boolean | undefined {
  const lockable: Lockable = file;
  return lockable.tryLockSync?.(exclusive);
}

/**
 * Looks at a FIFO that has to exist.
 *
 * @param path Where it is.
 * @returns Its stat result.
 * @throws {FifobusError} `not_a_fifo`.
 */
export function statFifo(path: string): Deno.FileInfo {
  if (!exists(path)) throw unusable(path, "it is not there");
  return Deno.statSync(path);
}

/** Checks a FIFO that was just opened, and throws if we must not use it. */
export type Accept = (info: Deno.FileInfo) => void;

/**
 * Refuses FIFOs that another user has made in a folder where anybody could make
 * them, such as /tmp. That user could read published messages, and forge
 * received ones.
 *
 * @param path The address.
 * @param mode The requested permissions: if they let others write, FIFOs of
 * others are welcome.
 * @returns The check, to be called with the open FIFO.
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
 * Says which user runs this process.
 *
 * @returns The user's id; null if this process may not ask for it.
 */
export function ownUid(): number | null {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "uid" });
  return state === "granted" ? Deno.uid() : null;
}

/**
 * The user who owns the folder of a FIFO; null if this process may not look.
 */
function ownerOfFolder(fifo: string): number | null {
  const path = fifo.slice(0, fifo.lastIndexOf("/") + 1) || ".";
  const { state } = Deno.permissions.querySync({ name: "read", path });
  return state === "granted" ? Deno.statSync(path).uid : null;
}

/**
 * Tells whether two stat results are of the same file.
 *
 * @param one One stat result.
 * @param other The other one.
 * @returns Whether they are.
 */
export function isSameFile(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/**
 * Says that another file has replaced the one at a path.
 *
 * @param path The path.
 * @returns The error.
 */
export function wasReplaced(path: string): FifobusError {
  return unusable(path, "it was replaced by another file");
}

/**
 * Says that a wait for the peer of a FIFO took too long.
 *
 * @param path The FIFO.
 * @param reason Why the caller waited.
 * @param timeoutMs How long it waited, in milliseconds.
 * @returns The error.
 */
export function timedOut(
  path: string,
  reason: string,
  timeoutMs: number | undefined,
): FifobusError {
  return new FifobusError(
    "timed_out",
    `Cannot write to "${path}": ${reason}, waited ${timeoutMs} ms`,
  );
}

/**
 * Says that a file cannot be opened.
 *
 * @param path The file.
 * @param error The system's error.
 * @param access The intended access: "read", "write".
 * @returns The error to throw.
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

/** Runs mkfifo(1); undefined if the program is not found. */
async function mkfifo(
  path: string,
  mode: number,
): Promise<Deno.CommandOutput | undefined> {
  const options: Deno.CommandOptions = {
    args: ["-m", mode.toString(8).padStart(4, "0"), "--", path],
    // If LD_PRELOAD, which stdbuf(1) sets, or LD_LIBRARY_PATH is in the
    // environment, Deno asks for permission to run any program.
    clearEnv: true,
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  };
  try {
    return await new Deno.Command("mkfifo", options).output();
  } catch (error) {
    // Ignore other errors: Deno 2.6 has no error class for a missing PATH.
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
 * Says what kind of file something is, if it is not a FIFO.
 *
 * @param info Its stat result.
 * @returns The kind, in words.
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
 * @param path The path.
 * @param reason Why it cannot be used.
 * @param cause The system's error.
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
