/**
 * One FIFO in the file system: made, and found to be one.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";

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
  let reason = output
    ? new TextDecoder().decode(output.stderr).trim().split(": ").at(-1)!
    : "the program mkfifo is not on the PATH";
  // Another program may have made it since.
  if (exists(path)) return;
  if (reason === "No such file or directory") {
    reason = "its folder is not there";
  }
  throw unusable(path, reason);
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
  const code = (error as { code?: string } | null)?.code;
  if (code === "EACCES") {
    return unusable(path, `no permission to ${access} it`, error);
  }
  return code === "ENOENT" ? unusable(path, "it was removed", error) : error;
}

/** Runs the program; undefined if it is not found. */
async function mkfifo(
  path: string,
  mode: number,
): Promise<Deno.CommandOutput | undefined> {
  const options: Deno.CommandOptions = {
    args: ["-m", mode.toString(8).padStart(4, "0"), "--", path],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  };
  try {
    return await new Deno.Command("mkfifo", options).output();
  } catch (error) {
    // Deno 2.6 has no class for the error that there is no PATH.
    if (error instanceof Deno.errors.NotCapable) throw error;
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
      : error instanceof Error
      ? error.message
      : String(error);
    throw unusable(path, reason, error);
  }
  if (!info.isFifo) throw unusable(path, `it is ${kind(info)}`);
  return true;
}

function kind(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a folder";
  if (info.isSocket) return "a socket";
  return info.isFile ? "a regular file" : "a device";
}

function unusable(path: string, reason: string, cause?: unknown): FifobusError {
  return new FifobusError(
    "not_a_fifo",
    `Cannot use "${path}" as a FIFO: ${reason}`,
    { cause },
  );
}
