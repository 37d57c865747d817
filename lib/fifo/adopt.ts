/**
 * Giving a file that was just made to those who share its FIFO. In a file of its
 * own, as node:fs takes 25 ms to load.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
} from "node:fs";

/**
 * Gives a file the owner, the group and the permissions of a FIFO, as far as
 * this user may. All by descriptor: by its path, chmod(2) and chown(2) would
 * follow a link that somebody has put there since.
 *
 * @param path The file.
 * @param info Which file that is.
 * @param fifo The FIFO.
 */
export function adopt(
  path: string,
  info: Deno.FileInfo,
  fifo: Deno.FileInfo,
): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { dev, ino } = fstatSync(fd);
    if (dev !== info.dev || ino !== info.ino) return;
    const { uid, gid } = info;
    // The group first: with another owner it is no longer ours to give.
    attempt(() => fchownSync(fd, uid!, fifo.gid ?? gid!));
    attempt(() => fchmodSync(fd, fifo.mode! & 0o666));
    attempt(() => fchownSync(fd, fifo.uid ?? uid!, fifo.gid ?? gid!));
  } finally {
    closeSync(fd);
  }
}

function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // Not allowed: whoever cannot open the file then is told so.
  }
}
