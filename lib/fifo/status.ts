/**
 * Who reads a FIFO, and what waits in its queue file.
 *
 * @module
 */
import { statFifo } from "./file.ts";
import { isRead } from "./nonblocking.ts";
import { pathBeside, pathIn, statusOf } from "./queue_file.ts";

/** What is known of a FIFO. */
export interface FifoStatus {
  /** Its path. */
  fifo: string;
  /**
   * `waiting`: a reader of ours waits for messages. `open`: some program has it
   * open to read, and does something else. Null: nobody reads it.
   */
  reader: "waiting" | "open" | null;
  /** How many messages wait in its queue file. */
  messages: number;
  /** How many bytes they have. */
  bytes: number;
  /** When messages were put there or taken last, as ISO 8601 has it. */
  since: string | null;
}

/**
 * Looks at a FIFO.
 *
 * @param path Where it is.
 * @param folder Where its queue file is if it is not beside the FIFO.
 * @returns What is known of it.
 * @throws {FifobusError} `not_a_fifo`.
 */
export async function fifoStatus(
  path: string,
  folder: () => Promise<string>,
): Promise<FifoStatus> {
  const info = statFifo(path);
  const queue = beside() ?? await elsewhere();
  return {
    fifo: path,
    reader: queue?.isAwaited ? "waiting" : isRead(path) ? "open" : null,
    messages: queue?.messages ?? 0,
    bytes: queue?.bytes ?? 0,
    since: queue?.since?.toISOString() ?? null,
  };

  function beside() {
    try {
      return statusOf(pathBeside(path));
    } catch {
      // It is another user's.
    }
    return undefined;
  }

  async function elsewhere() {
    try {
      return statusOf(pathIn(await folder(), info));
    } catch {
      // There is no such folder.
      return undefined;
    }
  }
}
