/**
 * Reading the last values of topics, which `retain.ts` keeps.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { load } from "../load.ts";
import { WireMessage } from "../wire/message.ts";
import { nameFault } from "../topic.ts";
import type { Delimiter } from "../wire/framing.ts";
import { FilterTree } from "./filter_tree.ts";
import { type Bus, checkRegular, lstatIfThere } from "./folder.ts";
import { fileName } from "./names.ts";
import { checkFolder, SUBFOLDER, TEMPORARY } from "./retain.ts";

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

/**
 * Tells when the last value of a topic was published.
 *
 * @param path The folder of the bus.
 * @param topic The topic.
 * @returns The time; undefined if there is no value any more.
 */
export function retainedAt(path: string, topic: string): Date | undefined {
  const file = `${path}/${SUBFOLDER}/${fileName(topic)}`;
  return lstatIfThere(file)?.mtime ?? undefined;
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
