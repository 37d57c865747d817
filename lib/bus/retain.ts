/**
 * Keeping the last values of topics: regular files beside the subscriptions. It
 * is the publishers' half; `retained.ts` reads the values.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";
import {
  type Bus,
  isTrusted,
  lstatIfThere,
  makeFolder,
  tidy,
} from "./folder.ts";
import { checkLength, fileName } from "./names.ts";

const MAX_ATTEMPTS = 3;

/** The folder of last values in that of the bus. */
export const SUBFOLDER = "retained";

/**
 * No encoded topic holds this, so an unfinished file never passes as a value.
 */
export const TEMPORARY = "@";

/**
 * Keeps the last value of a topic, or forgets it if the new value is empty. The
 * change is atomic: a reader gets either this value or the previous one.
 *
 * @param bus The bus.
 * @param topic The topic.
 * @param message The value.
 * @throws {FifobusError} `not_retained`; `bad_address`, if the topic is too
 * long.
 */
export function retain(bus: Bus, topic: string, message: Uint8Array): void {
  const name = fileName(topic);
  checkLength(name, topic);
  const folder = `${bus.path}/${SUBFOLDER}`;
  for (let attempt = 1;; attempt++) {
    try {
      if (message.length === 0) forget(`${folder}/${name}`);
      else keep(bus, folder, name, message);
      return;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // A logout or a cleaner is removing the bus at this moment; another program
      // may have made it again.
      const isGone = error instanceof Deno.errors.NotFound ||
        !lstatIfThere(folder);
      if (attempt < MAX_ATTEMPTS && isGone) continue;
      throw notRetained(topic, error);
    }
  }
}

function notRetained(topic: string, error: unknown): FifobusError {
  return new FifobusError(
    "not_retained",
    `Cannot keep the last value of "${topic}": ${reasonOf(error)}`,
    { cause: error },
  );
}

function keep(
  bus: Bus,
  folder: string,
  name: string,
  message: Uint8Array,
): void {
  ensureFolder(bus, folder);
  const temporary = `${folder}/${TEMPORARY}${crypto.randomUUID()}`;
  const mode = bus.mode & 0o666;
  let info;
  try {
    using file = Deno.openSync(temporary, {
      write: true,
      createNew: true,
      mode,
    });
    info = file.statSync();
    for (let rest = message; rest.length > 0;) {
      rest = rest.subarray(file.writeSync(rest));
    }
    bus.share(temporary, 0o666, info);
    Deno.renameSync(temporary, `${folder}/${name}`);
  } catch (error) {
    if (info) tidy(temporary);
    throw error;
  }
}

function forget(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function ensureFolder(bus: Bus, folder: string): void {
  let info = lstatIfThere(folder);
  if (!info) {
    // A logout may have removed it with the whole bus.
    if (!lstatIfThere(bus.path) && makeFolder(bus.path, bus.mode)) {
      bus.share(bus.path, 0o7777);
    }
    // Not sticky: any publisher may replace a value, as with a broker.
    if (makeFolder(folder, bus.mode & 0o777)) bus.share(folder, 0o777);
    info = Deno.lstatSync(folder);
  }
  checkFolder(bus, info);
}

/**
 * Checks the folder of last values: it must not be a link, nor another user's,
 * if that matters.
 *
 * @param bus The bus.
 * @param info Its lstat result.
 * @throws {Error} If we must not use it.
 */
export function checkFolder(bus: Bus, info: Deno.FileInfo): void {
  if (!info.isDirectory) throw new Error("it is not a folder");
  if (bus.isShared || isTrusted(info)) return;
  throw new Error(`user ${info.uid} owns it`);
}
