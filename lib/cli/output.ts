/**
 * Writes to standard output, and makes text safe for a terminal.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { PIPE_BUF } from "../fifo/file.ts";

/** The first and the longest pause before the next attempt to write. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 50;

/** The largest pipe that a user can have: pipe(7). */
const CAREFUL_BYTES = 1024 * 1024;

/** A write that takes longer is waiting for the reader of the output. */
const SLOW_MS = 10;

const LINE_BUFFER_BYTES = 1024;
const LINE_FEED = 0x0a;

/** How many bytes to write in small pieces from now on. */
let carefulBytes = CAREFUL_BYTES;

/**
 * Finds characters that move the cursor, end a line or turn text; not tabs. It
 * is a function because the expression takes 0.5 ms to compile.
 */
const controls = () => /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The reader of our output has left: the program ends without an error. */
export class OutputClosed extends Error {
  /** How many bytes were written before that. */
  readonly written: number;
  /** How many messages were printed before that. */
  printed = 0;

  /**
   * Creates the error.
   *
   * @param written How many bytes were written before that.
   */
  constructor(written = 0) {
    super("the output is closed");
    this.written = written;
  }
}

/** Standard output. */
export type Stdout = Pick<typeof Deno.stdout, "write" | "isTerminal">;

/**
 * Writes all bytes. Another process that shares the output may have made it
 * nonblocking. Then this waits for room, as a blocking output would.
 *
 * If a write fails because there is no room, or is abandoned, nobody knows how
 * much it wrote. Only a write of at most PIPE_BUF bytes has then surely written
 * nothing. Such small writes are expensive, 35 µs for 4096 bytes. We use them
 * only until we have written enough to fill a pipe that nobody reads, and again
 * if the reader turns out to be slow.
 *
 * @param stdout Standard output.
 * @param bytes The bytes to write.
 * @param signal Gives up the rest when aborted.
 * @throws {OutputClosed} If nobody reads the output any more, or on abort.
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
      // The piece is in Deno's buffer (Rust's LineWriter): we flush that.
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
 * Writes to standard error, if that is possible. If the disk is full, or nobody
 * reads the output, the program goes on.
 *
 * @param stderr Standard error.
 * @param text The text to write.
 */
export function writeError(
  stderr: Pick<typeof Deno.stderr, "writeSync">,
  text: string,
): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stderr.writeSync(rest));
  } catch {
    // The exit code has to be enough.
  }
}

/** A piece written whole or not at all, and not left in a buffer in part. */
function atomicPiece(bytes: Uint8Array): Uint8Array {
  const piece = bytes.subarray(0, PIPE_BUF);
  return piece.subarray(0, piece.lastIndexOf(LINE_FEED) + 1 || piece.length);
}

/** A waiting write cannot be cancelled, so on abort we abandon it. */
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
 * Makes control characters visible: ASCII ones in caret notation, as cat -v
 * does, others by their code point. So a message can neither move the cursor
 * nor turn text around. Tabs stay.
 *
 * @param text Text from elsewhere.
 * @returns Text that is safe to print.
 */
export function visible(text: string): string {
  return text.replaceAll(controls(), (it) => {
    const code = it.charCodeAt(0);
    return code < 0x80
      ? `^${String.fromCharCode(code ^ 0x40)}`
      : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

/**
 * Makes control characters visible in JSON, with JSON's own escapes.
 *
 * @param json One line of JSON.
 * @returns The same JSON.
 */
export function visibleJson(json: string): string {
  return json.replaceAll(
    controls(),
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
