/**
 * Lists subscribers, readers, and messages that wait: `sub --list`.
 *
 * @module
 */
import { parseAddress } from "../../address.ts";
import { DEFAULT_BUS_MODE } from "../../bus/folder.ts";
import { listSubscriptions } from "../../bus/list.ts";
import { fifoStatus } from "../../fifo/status.ts";
import { matchesTopic, nameFault, parseShared } from "../../topic.ts";
import { visible, visibleJson } from "../output.ts";
import { count } from "../program.ts";
import { commandLines } from "./processes.ts";

/** How to write a list. */
export interface ListOptions {
  /** Whether to write each entry as a JSON object. */
  json: boolean;
  /** Whether to make control characters visible. */
  isTerminal: boolean;
}

/**
 * Lists subscriptions and FIFOs.
 *
 * @param addresses Topics, filters and FIFOs; empty for all subscriptions.
 * @param mode The permissions that the bus may have.
 * @param options How to write them.
 * @returns One line for each subscription and FIFO.
 * @throws {FifobusError} `not_a_fifo`, `unsafe_bus`.
 */
export async function listAddresses(
  addresses: string[],
  mode: number = DEFAULT_BUS_MODE,
  options: ListOptions,
): Promise<string> {
  const paths: string[] = [];
  const filters: string[] = [];
  for (const address of addresses) {
    const it = parseAddress(address);
    if (it.kind === "fifo") paths.push(it.path);
    else if (it.kind === "topic") filters.push(it.topic);
  }
  const fifos = paths.map((it) => fifoStatus(it));
  const subscriptions = addresses.length > 0 && filters.length === 0
    ? []
    : (await listSubscriptions(mode))
      .filter(({ filter }) => isMeant(filter, filters));
  const commands = await commandLines(
    subscriptions.flatMap(({ pid }) => pid ?? []),
  );
  const rows = subscriptions.map((it) => ({
    ...it,
    command: commands.get(it.pid ?? 0) ?? null,
  }));
  return linesOf(
    fifos,
    ({ fifo, reader, messages, bytes, since }) => [
      ...[fifo, reader, count(messages), `${bytes} bytes`, since],
    ],
    options,
  ) + linesOf(
    rows,
    ({ filter, pid, since, command }) => [filter, pid, since, command],
    options,
  );
}

/**
 * Tells whether to list a filter.
 *
 * @param filter The filter of a subscriber.
 * @param wanted Filters to list, and topics, whose messages it may match; empty
 * for all filters.
 * @returns Whether it is one of them.
 */
export function isMeant(filter: string, wanted: string[]): boolean {
  if (wanted.length === 0 || wanted.includes(filter)) return true;
  const plain = parseShared(filter)?.filter ?? filter;
  return wanted.some((it) =>
    nameFault(it) === undefined && matchesTopic(plain, it)
  );
}

/**
 * Writes the lines of a list.
 *
 * @param rows The entries, as JSON has them.
 * @param cells What to print of an entry, with tabs in between.
 * @param options How to write them.
 * @returns One line for each.
 */
export function linesOf<T>(
  rows: T[],
  cells: (row: T) => (string | number | null)[],
  { json, isTerminal }: ListOptions,
): string {
  const show = isTerminal ? visible : (text: string) => text;
  return rows.map((row) => {
    const line = json
      ? visibleJson(JSON.stringify(row))
      : cells(row).map((it) => show(`${it ?? "-"}`)).join("\t");
    return `${line}\n`;
  }).join("");
}
