/**
 * The status of a FIFO: its reader, and the messages in its queue file.
 *
 * @module
 */
import { statFifo } from "./file.ts";
import { isRead } from "./nonblocking.ts";
import { statusOf } from "./queue_file.ts";
import { busFolder, findIn, pathBeside } from "./queue_header.ts";

/** The status of a FIFO. */
export interface FifoStatus {
  /** Its path. */
  fifo: string;
  /**
   * `waiting`: a fifobus reader waits for messages. `open`: some program has it
   * open for reading, but is not a waiting fifobus reader. Null: nobody reads
   * it.
   */
  reader: "waiting" | "open" | null;
  /** How many messages wait in its queue file. */
  messages: number;
  /** How many bytes these messages have. */
  bytes: number;
  /** When messages were last put there or taken, in ISO 8601 format. */
  since: string | null;
}

/**
 * Looks at a FIFO.
 *
 * @param path Where it is.
 * @returns Its status.
 * @throws {FifobusError} `not_a_fifo`.
 */
export function fifoStatus(path: string): FifoStatus {
  const info = statFifo(path);
  const places = new Set([findIn(busFolder(), info), pathBeside(path)]);
  const queues = [...places].flatMap((place) => {
    try {
      return place === undefined ? [] : statusOf(place) ?? [];
    } catch {
      // The queue file belongs to another user.
      return [];
    }
  });
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
  const isAwaited = queues.some((it) => it.isAwaited);
  const times = queues.map(({ since }) => since?.toISOString() ?? "");
  return {
    fifo: path,
    reader: isAwaited ? "waiting" : isRead(path) ? "open" : null,
    messages: sum(queues.map((it) => it.messages)),
    bytes: sum(queues.map((it) => it.bytes)),
    since: times.toSorted().at(-1) || null,
  };
}
