/**
 * Standard output, and what may go to a terminal.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { PIPE_BUF } from "../fifo/file.ts";

/** The pause before the next attempt where there is no room: at first, at most. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 50;

/** The largest pipe that a user may have: pipe(7). */
const CAREFUL_BYTES = 1024 * 1024;

/** A write that takes longer waits for whoever reads the output. */
const SLOW_MS = 10;

const LINE_BUFFER_BYTES = 1024;
const LINE_FEED = 0x0a;

/** How much is still to be written in pieces. */
let carefulBytes = CAREFUL_BYTES;

/** What moves the cursor, ends a line or turns text around; tabs do not. */
const CONTROLS = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Whoever read our output has left: the program ends, and all is well. */
export class OutputClosed extends Error {
  /** How many bytes were written before. */
  readonly written: number;
  /** How many messages were printed before. */
  printed = 0;

  /**
   * Creates the error.
   *
   * @param written How many bytes were written before.
   */
  constructor(written = 0) {
    super("the output is closed");
    this.written = written;
  }
}

/** Standard output. */
export type Stdout = Pick<typeof Deno.stdout, "write" | "isTerminal">;

/**
 * Writes all bytes. Whoever shares the output may have made it nonblocking: then
 * it waits for room as if it were not.
 *
 * A write that fails for want of room, or is left behind, has written nobody
 * knows how much: of at most PIPE_BUF bytes it is none. That is dear, 35 µs for
 * 4096 bytes; so it is done until so much has been written that a pipe would be
 * full if it were not read, and where its reader turns out to be slow.
 *
 * @param stdout Where.
 * @param bytes What.
 * @param signal Gives up the rest, when aborted.
 * @throws {OutputClosed} If nobody reads it any more, or it is given up.
 */
export async function writeAll(
  stdout: Stdout,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  let written = 0;
  let pause = MIN_PAUSE_MS;
  const write = async (piece: Uint8Array) => {
    if (signal?.aborted) throw new OutputClosed(written);
    const startedAt = performance.now();
    try {
      return await unlessAborted(stdout.write(piece), signal);
    } catch (error) {
      const isOver = error instanceof Deno.errors.BrokenPipe || signal?.aborted;
      if (isOver) throw new OutputClosed(written);
      if (!(error instanceof Deno.errors.WouldBlock)) {
        const text = `Cannot write to standard output: ${reasonOf(error)}`;
        throw new Error(text, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, MAX_PAUSE_MS);
      return undefined;
    } finally {
      const isSlow = performance.now() - startedAt > SLOW_MS;
      if (isSlow) carefulBytes = Math.max(carefulBytes, CAREFUL_BYTES);
    }
  };
  while (written < bytes.length) {
    const rest = bytes.subarray(written);
    const piece = carefulBytes > 0 ? atomicPiece(rest) : rest;
    let count = await write(piece);
    if (count === undefined) {
      carefulBytes = Infinity;
      // Deno's own buffer has it, see LineWriter of Rust, and is to be emptied.
      const isBuffered = piece.length < LINE_BUFFER_BYTES &&
        !piece.includes(LINE_FEED);
      if (!isBuffered) continue;
      while (await write(new Uint8Array()) === undefined);
      count = piece.length;
    }
    pause = MIN_PAUSE_MS;
    written += count;
    carefulBytes -= count;
  }
}

/**
 * Writes to standard error, as far as that can be written to: on a full disk, or
 * with nobody to read it, a program goes on.
 *
 * @param stderr Where.
 * @param text What.
 */
export function writeError(
  stderr: Pick<typeof Deno.stderr, "writeSync">,
  text: string,
): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stderr.writeSync(rest));
  } catch {
    // The exit code has to do.
  }
}

/** What is written whole or not at all, and not left in Deno's buffer in part. */
function atomicPiece(bytes: Uint8Array): Uint8Array {
  const piece = bytes.subarray(0, PIPE_BUF);
  return piece.subarray(0, piece.lastIndexOf(LINE_FEED) + 1 || piece.length);
}

/** A write that waits cannot be called off; it is left behind. */
function unlessAborted(
  writing: Promise<number>,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!signal) return writing;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  writing.then(resolve, reject)
    .finally(() => signal.removeEventListener("abort", onAbort));
  return promise;
}

/**
 * Shows control characters instead of obeying them: those of ASCII in caret
 * notation as cat -v does, others by their code point. So a message can neither
 * move the cursor nor turn text around. Tabs stay.
 *
 * @param text What came from elsewhere.
 * @returns What can be printed.
 */
export function visible(text: string): string {
  return text.replaceAll(CONTROLS, (it) => {
    const code = it.charCodeAt(0);
    return code < 0x80
      ? `^${String.fromCharCode(code ^ 0x40)}`
      : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/**
 * Shows control characters in JSON, where it has a way to write them.
 *
 * @param json One line of JSON.
 * @returns The same JSON.
 */
export function visibleJson(json: string): string {
  return json.replaceAll(
    CONTROLS,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
