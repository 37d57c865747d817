/**
 * Giving a file that was just made to those who share it. In a file of its
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

/** Whose a file is, and who may use it. */
type Access = Pick<Deno.FileInfo, "uid" | "gid" | "mode">;

/**
 * Gives a file an owner, a group and permissions, as far as this user may. All
 * by descriptor: by its path, chmod(2) and chown(2) would follow a link that
 * somebody has put there since.
 *
 * @param path The file.
 * @param info Which file that is.
 * @param wanted Whose it is to be.
 */
export function adopt(
  path: string,
  info: Deno.FileInfo,
  wanted: Access,
): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { dev, ino } = fstatSync(fd);
    if (dev !== info.dev || ino !== info.ino) return;
    const { uid, gid } = info;
    // The group first: with another owner it is no longer ours to give.
    attempt(() => fchownSync(fd, uid!, wanted.gid ?? gid!));
    attempt(() => fchmodSync(fd, wanted.mode!));
    attempt(() => fchownSync(fd, wanted.uid ?? uid!, wanted.gid ?? gid!));
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
