/**
 * How a process joins the bus.
 *
 * @module
 */
import type { Notice } from "../fifo/queue_reader.ts";
import type { Delimiter } from "../wire/framing.ts";
import type { Bus } from "./folder.ts";

/**
 * How much two topics, its own and the reply topic, may add to the length of a
 * message: each may be as long as MQTT allows.
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
  /** Whether to start with the last values; "only" means nothing else. */
  retained: boolean | "only";
  /** Leave out messages with this mark. */
  origin: string | undefined;
  /** Called with news other than messages. */
  onNotice(notice: Notice): void;
  /** Called when a last value is left out. */
  onSkipped(text: string): void;
}
