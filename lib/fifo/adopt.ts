/**
 * Giving a new file to the users who share it. It is a separate module because
 * node:fs takes 25 ms to load.
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

/** The owner and the permissions of a file. */
type Access = Pick<Deno.FileInfo, "uid" | "gid" | "mode">;

/**
 * Gives a file an owner, a group and permissions, as far as this user may. It
 * works by descriptor: with a path, chmod(2) and chown(2) would follow a link
 * that somebody has put there in the meantime.
 *
 * @param path The file.
 * @param info Its stat result, to make sure that it is still the same file.
 * @param wanted The owner, group and permissions to set.
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
    // The group comes first: after the owner has changed, we may not set it.
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
    // Not allowed. A user who then cannot open the file gets an error.
  }
}
