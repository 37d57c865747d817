/**
 * Lists the programs that have a way open to subscribers or FIFOs:
 * `sub --publishers`.
 *
 * @module
 */
import { parseAddress } from "../../address.ts";
import { DEFAULT_BUS_MODE, openBus } from "../../bus/folder.ts";
import { listInboxes } from "../../bus/list.ts";
import { parseName } from "../../bus/names.ts";
import { statFifo } from "../../fifo/file.ts";
import { isMeant, linesOf, type ListOptions } from "./list.ts";
import { commandLines, type Writer, writersIn } from "./processes.ts";

/** A publisher, and where it can write. */
interface Publisher {
  /** The filter of the subscriber; absent for a FIFO. */
  filter?: string;
  /** The path of the FIFO; absent for a topic. */
  fifo?: string;
  /** The id of the subscribing process; null if there are several. */
  subscriber: number | null;
  /** The id of the publishing process. */
  publisher: number;
}

/**
 * Lists publishers.
 *
 * @param addresses Topics, filters and FIFOs; empty for all topics.
 * @param mode The permissions that the bus may have.
 * @param options How to write them.
 * @returns One line for each filter or FIFO, and publisher.
 * @throws {FifobusError} `not_a_fifo`, `unsafe_bus`.
 * @throws {Error} If this system does not tell.
 */
export async function listPublishers(
  addresses: string[],
  mode: number = DEFAULT_BUS_MODE,
  options: ListOptions,
): Promise<string> {
  const parsed = addresses.map(parseAddress);
  const topics = parsed.flatMap((it) => it.kind === "topic" ? it.topic : []);
  const found = parsed.length === 0 || topics.length > 0
    ? await toInboxes((await openBus(mode)).path, topics)
    : [];
  for (const it of parsed) {
    if (it.kind === "fifo") found.push(...await toFifo(it.path));
  }
  const commands = await commandLines(found.map((it) => it.publisher));
  const rows = found.map((it) => ({
    ...it,
    command: commands.get(it.publisher) ?? null,
  }));
  return linesOf(
    rows,
    ({ filter, fifo, subscriber, publisher, command }) => [
      ...[filter ?? fifo!, subscriber, publisher, command],
    ],
    options,
  );
}

async function toInboxes(
  folder: string,
  topics: string[],
): Promise<Publisher[]> {
  const inboxes = listInboxes(folder);
  const writers = await writersOf(await Deno.realPath(folder));
  return writers.flatMap(({ pid, path }) => {
    const member = parseName(path.slice(path.lastIndexOf("/") + 1))?.member;
    const inbox = member === undefined ? undefined : inboxes.get(member);
    return inbox?.filters.filter((it) => isMeant(it, topics)).map((filter) => ({
      filter,
      subscriber: inbox.pid,
      publisher: pid,
    })) ?? [];
  }).sort((a, b) => a.filter < b.filter ? -1 : Number(a.filter > b.filter));
}

async function toFifo(path: string): Promise<Publisher[]> {
  statFifo(path);
  const real = await Deno.realPath(path);
  const writers = await writersOf(real.slice(0, real.lastIndexOf("/")));
  return writers.filter((it) => it.path === real)
    .map(({ pid }) => ({ fifo: path, subscriber: null, publisher: pid }));
}

async function writersOf(folder: string): Promise<Writer[]> {
  const writers = await writersIn(folder);
  if (writers) return writers;
  throw new Error(
    "Cannot list publishers: that needs /proc, and --allow-run=sh",
  );
}
