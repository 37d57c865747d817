/**
 * Shows the progress of a long input, in one line on a terminal.
 *
 * @module
 */
import { format as formatBytes } from "jsr:@std/fmt@1.0.10/bytes";
import { format as formatDuration } from "jsr:@std/fmt@1.0.10/duration";
import { fstatSync } from "node:fs";
import { writeError } from "../output.ts";
import { count } from "../program.ts";

/** A shorter run would end before the user could read the line. */
const FIRST_MS = 1000;

const PERIOD_MS = 250;

const CLEAR_LINE = "\r\x1b[K";

/** Shows bytes, messages, their rate and the remaining time. */
export class Progress implements Disposable {
  readonly #stderr: Pick<typeof Deno.stderr, "writeSync">;
  readonly #totalBytes: number | undefined;
  readonly #startedAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  #bytes = 0;
  #messages = 0;
  #isShown = false;

  /**
   * Starts to count.
   *
   * @param stderr The terminal.
   * @param totalBytes The length of the input, if known.
   */
  constructor(
    stderr: Pick<typeof Deno.stderr, "writeSync">,
    totalBytes: number | undefined,
  ) {
    this.#stderr = stderr;
    this.#totalBytes = totalBytes;
    this.#timer = setInterval(() => this.#show(), PERIOD_MS);
  }

  /**
   * Counts messages.
   *
   * @param messages How many more were sent.
   */
  add(messages: number): void {
    this.#messages += messages;
  }

  /**
   * Counts bytes.
   *
   * @param bytes How many more were read.
   */
  addBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Removes the line until it is shown again. */
  hide(): void {
    if (this.#isShown) this.#write(CLEAR_LINE);
    this.#isShown = false;
  }

  #show(): void {
    const elapsedMs = performance.now() - this.#startedAt;
    if (elapsedMs < FIRST_MS || isInBackground()) return;
    this.#isShown = true;
    const rate = Math.round(this.#messages / elapsedMs * 1000);
    const parts = [
      formatBytes(Math.round(this.#bytes)),
      count(this.#messages),
      `${rate} messages/s`,
    ];
    if (this.#totalBytes !== undefined && this.#bytes > 0) {
      const left = Math.max(0, this.#totalBytes - this.#bytes);
      const leftMs = 1000 * Math.ceil(left / this.#bytes * elapsedMs / 1000);
      const time = formatDuration(leftMs, { ignoreZero: true }) || "0s";
      parts.push(`${time} left`);
    }
    this.#write(CLEAR_LINE + parts.join("  "));
  }

  #write(text: string): void {
    writeError(this.#stderr, text);
  }

  /** Stops, and removes the line. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.hide();
  }
}

/**
 * Returns the length of standard input.
 *
 * @returns Its length in bytes; undefined if it is not a file.
 */
export function stdinBytes(): number | undefined {
  const info = fstatSync(0);
  return info.isFile() ? info.size : undefined;
}

/**
 * Tells whether another process group has the terminal, see proc_pid_stat(5).
 * Deno can read that file only with --allow-all.
 */
function isInBackground(): boolean {
  let stat;
  try {
    stat = Deno.readTextFileSync("/proc/self/stat");
  } catch {
    return false;
  }
  // The name of the program may contain spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [group, foreground] = [fields[2]!, fields[5]!];
  return Number(foreground) > 0 && group !== foreground;
}
