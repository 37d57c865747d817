/**
 * Lists subscribers, readers, and messages that wait: `sub --list`.
 *
 * @module
 */
import { parseAddress } from "../../address.ts";
import { DEFAULT_BUS_MODE } from "../../bus/folder.ts";
import { listSubscriptions } from "../../bus/list.ts";
import { fifoStatus } from "../../fifo/status.ts";
import { visible, visibleJson } from "../output.ts";
import { count } from "../program.ts";

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
 * @param addresses Filters and FIFOs; empty for all subscriptions.
 * @param mode The permissions that the bus may have.
 * @param options How to write them.
 * @returns One line for each subscription and FIFO.
 * @throws {FifobusError} `not_a_fifo`, `unsafe_bus`.
 */
export async function listAddresses(
  addresses: string[],
  mode: number = DEFAULT_BUS_MODE,
  { json, isTerminal }: ListOptions,
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
      .filter(({ filter }) => filters.length === 0 || filters.includes(filter));
  const show = isTerminal ? visible : (text: string) => text;
  const lines = json
    ? [...fifos, ...subscriptions].map((it) => visibleJson(JSON.stringify(it)))
    : [
      ...fifos.map((it) =>
        [
          show(it.fifo),
          it.reader ?? "-",
          count(it.messages),
          `${it.bytes} bytes`,
          it.since ?? "-",
        ].join("\t")
      ),
      ...subscriptions.map((it) =>
        [show(it.filter), it.pid ?? "-", it.since ?? "-"].join("\t")
      ),
    ];
  return lines.map((line) => `${line}\n`).join("");
}
