/**
 * The last values of topics: regular files beside the subscriptions.
 *
 * @module
 */
import { FifobusError, reasonOf } from "../errors.ts";
import { load } from "../load.ts";
import { WireMessage } from "../wire/message.ts";
import { nameFault } from "../topic.ts";
import type { Delimiter } from "../wire/framing.ts";
import { FilterTree } from "./filter_tree.ts";
import {
  type Bus,
  checkRegular,
  isTrusted,
  lstatIfThere,
  makeFolder,
  tidy,
} from "./folder.ts";
import { checkLength, fileName } from "./names.ts";

const MAX_ATTEMPTS = 3;

const SUBFOLDER = "retained";

/**
 * No encoded topic holds this, so an unfinished file never passes as a value.
 */
const TEMPORARY = "@";

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
      // A logout or a cleaner is removing the bus at this moment.
      if (attempt < MAX_ATTEMPTS && !lstatIfThere(folder)) continue;
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

/** How to read last values. */
export interface RetainedOptions {
  /** What ends a message, which a value must not hold. */
  delimiter: Delimiter;
  /** How long a value may be. */
  maxBytes: number;
  /** Called when a value is left out. */
  onSkipped(text: string): void;
}

/**
 * Reads the last values that match a filter. It leaves out values that it
 * cannot read, or that are not messages the subscriber takes.
 *
 * @param bus The bus.
 * @param filters The filters.
 * @param options How to read.
 * @returns One message for each topic, marked as retained.
 */
export async function readRetained(
  bus: Bus,
  filters: string[],
  { delimiter, maxBytes, onSkipped }: RetainedOptions,
): Promise<WireMessage[]> {
  const folder = `${bus.path}/${SUBFOLDER}`;
  const tree = new FilterTree<string>();
  for (const filter of filters) tree.add(filter, filter);
  const found = topics(bus, folder, onSkipped)
    .filter(({ topic }) => tree.match(topic).length > 0);
  if (found.length === 0) return [];
  const read = bus.isShared ? await loadReader() : readOwn;
  const messages: WireMessage[] = [];
  for (const { topic, name } of found) {
    try {
      const bytes = read(`${folder}/${name}`, maxBytes);
      const at = bytes.indexOf(delimiter.charCodeAt(0));
      if (at >= 0) throw new Error(`its byte ${at} ends a message`);
      if (bytes.length === 0) continue;
      messages.push(new WireMessage(topic, bytes, 0, bytes.length, true));
    } catch (error) {
      // Somebody has cleared the value since we listed it.
      if ((error as { code?: string }).code === "ENOENT") continue;
      onSkipped(`the last value of "${topic}" is left out: ${reasonOf(error)}`);
    }
  }
  return messages;
}

/** For a bus where others may replace a file at any moment; 25 ms to load. */
async function loadReader(): Promise<typeof readOwn> {
  const { readRegular } = await load<typeof import("./regular.ts")>(
    import.meta.resolve("./regular.ts"),
  );
  return readRegular;
}

/** For a bus where nobody else writes. */
function readOwn(path: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  checkRegular(Deno.lstatSync(path), maxBytes);
  return Deno.readFileSync(path);
}

/** Lists the files, with the topics that their names encode. */
function topics(
  bus: Bus,
  folder: string,
  onSkipped: (text: string) => void,
): { topic: string; name: string }[] {
  const info = lstatIfThere(folder);
  if (!info) return [];
  const found: { topic: string; name: string }[] = [];
  try {
    checkFolder(bus, info);
    for (const { name } of Deno.readDirSync(folder)) {
      const topic = name.startsWith(TEMPORARY) ? undefined : decode(name);
      const fault = topic === undefined ? undefined : nameFault(topic);
      if (fault) onSkipped(`"${folder}/${name}" is left out: ${fault}`);
      else if (topic !== undefined) found.push({ topic, name });
    }
  } catch (error) {
    onSkipped(`last values are left out: "${folder}": ${reasonOf(error)}`);
  }
  return found.sort((a, b) => a.topic < b.topic ? -1 : 1);
}

function decode(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    // A foreign file: no topic has this encoding.
    return undefined;
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

/** Checks that it is not a link, and not another user's, if that matters. */
function checkFolder(bus: Bus, info: Deno.FileInfo): void {
  if (!info.isDirectory) throw new Error("it is not a folder");
  if (bus.isShared || isTrusted(info)) return;
  throw new Error(`user ${info.uid} owns it`);
}
