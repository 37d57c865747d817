/**
 * One line on a terminal that says how far a long input is.
 *
 * @module
 */
import { format as formatBytes } from "jsr:@std/fmt@1.0.10/bytes";
import { format as formatDuration } from "jsr:@std/fmt@1.0.10/duration";
import { fstatSync } from "node:fs";
import { writeError } from "../output.ts";

/** What takes less is done before one could read of it. */
const FIRST_MS = 1000;

const PERIOD_MS = 250;

const CLEAR_LINE = "\r\x1b[K";

/** Shows bytes, messages, their rate, and the time that is left. */
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
   * @param totalBytes How much there is in all, if that is known.
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

  /** Takes the line away, until it is shown again. */
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
      this.#messages === 1 ? "1 message" : `${this.#messages} messages`,
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

  /** Stops, and takes the line away. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.hide();
  }
}

/**
 * Tells how long standard input is.
 *
 * @returns Its bytes; undefined if it is not a file, whose end is known.
 */
export function stdinBytes(): number | undefined {
  const info = fstatSync(0);
  return info.isFile() ? info.size : undefined;
}

/**
 * Whether another process group has the terminal: proc_pid_stat(5), which Deno
 * lets those read only who are allowed everything.
 */
function isInBackground(): boolean {
  let stat;
  try {
    stat = Deno.readTextFileSync("/proc/self/stat");
  } catch {
    return false;
  }
  // The name of the program may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [group, foreground] = [fields[2]!, fields[5]!];
  return Number(foreground) > 0 && group !== foreground;
}
