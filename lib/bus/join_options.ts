/**
 * How a process joins the bus.
 *
 * @module
 */
import type { Notice } from "../fifo/queue_reader.ts";
import type { Delimiter } from "../wire/framing.ts";
import type { Bus } from "./folder.ts";

/**
 * What two topics, its own and that of the answers, may add to the length of a
 * message: each the longest in MQTT.
 */
export const MAX_TAG_BYTES = 2 * 65_536;

/** How to join the bus. */
export interface JoinOptions {
  /** The bus. */
  bus: Bus;
  /** What ends a message. */
  delimiter: Delimiter;
  /** The longest message in bytes. */
  maxBytes: number;
  /** Whether to start with the last values; nothing else is sent if "only". */
  retained: boolean | "only";
  /** Messages with this mark are not wanted. */
  origin: string | undefined;
  /** Is told what is not a message. */
  onNotice(notice: Notice): void;
  /** Is told of a last value that is left out. */
  onSkipped(text: string): void;
}
