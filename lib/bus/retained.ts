/**
 * The last values of topics: regular files beside the subscriptions.
 *
 * @module
 */
import { Message } from "../message.ts";
import { matchesTopic } from "../topic.ts";
import { checkLength, fileName, isTrusted, removeIfThere } from "./folder.ts";

const SUBFOLDER = "retained";

/** In no encoded topic, so that a file being written is never taken for one. */
const TEMPORARY = "@";

/**
 * Keeps the last value of a topic, or forgets it if it is empty. It is put in
 * place whole: whoever reads it gets this value or the one before.
 *
 * @param folder The bus.
 * @param topic The topic.
 * @param message The value.
 * @param mode The permissions of the bus.
 */
export function retain(
  folder: string,
  topic: string,
  message: Uint8Array,
  mode: number,
): void {
  const name = fileName(topic);
  checkLength(name, topic);
  const path = `${folder}/${SUBFOLDER}/${name}`;
  if (message.length === 0) return removeIfThere(path);
  ensureSubfolder(folder, mode);
  const temporary = `${folder}/${SUBFOLDER}/${TEMPORARY}${crypto.randomUUID()}`;
  try {
    Deno.writeFileSync(temporary, message, {
      createNew: true,
      mode: mode & 0o666,
    });
    if ((mode & 0o077) !== 0) Deno.chmodSync(temporary, mode & 0o666);
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

/**
 * Reads the last values that match a filter.
 *
 * @param folder The bus.
 * @param filters The filters.
 * @returns One message for each topic, marked as retained.
 */
export function readRetained(folder: string, filters: string[]): Message[] {
  const messages: Message[] = [];
  for (const name of names(`${folder}/${SUBFOLDER}`)) {
    if (name.startsWith(TEMPORARY)) continue;
    try {
      const topic = decodeURIComponent(name);
      if (!filters.some((filter) => matchesTopic(filter, topic))) continue;
      const path = `${folder}/${SUBFOLDER}/${name}`;
      const info = Deno.lstatSync(path);
      if (!info.isFile) continue;
      const bytes = Deno.readFileSync(path);
      messages.push(new Message(topic, bytes, 0, bytes.length, true));
    } catch (error) {
      // Cleared since, or a name that no topic encodes to.
      if (error instanceof Deno.errors.NotFound) continue;
      if (!(error instanceof URIError)) throw error;
    }
  }
  return messages;
}

function names(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function ensureSubfolder(folder: string, mode: number): void {
  const path = `${folder}/${SUBFOLDER}`;
  try {
    Deno.mkdirSync(path, { mode });
    Deno.chmodSync(path, mode);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const info = Deno.lstatSync(path);
    if (info.isDirectory && (isTrusted(info) || (mode & 0o022) !== 0)) return;
    throw new Error(`Cannot keep a value in "${path}": it is not ours`);
  }
}
