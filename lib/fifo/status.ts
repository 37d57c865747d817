/**
 * The status of a FIFO: its reader, and the messages in its queue file.
 *
 * @module
 */
import { statFifo } from "./file.ts";
import { isRead } from "./nonblocking.ts";
import { pathIn, statusOf } from "./queue_file.ts";
import { pathBeside } from "./queue_header.ts";

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
 * @param folder The folder of its queue file, if that is not beside the FIFO.
 * @returns Its status.
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
      // The queue file belongs to another user.
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
