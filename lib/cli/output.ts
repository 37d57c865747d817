/**
 * Standard output: messages as they are for a pipe, made visible for a terminal.
 *
 * @module
 */
import { type Delimiter, Message } from "../framing.ts";

/** Whoever read our output has left: the program ends, and all is well. */
export class OutputClosed extends Error {}

type Stdout = Pick<typeof Deno.stdout, "write" | "isTerminal">;

const encoder = new TextEncoder();

/**
 * Writes all bytes.
 *
 * @param stdout Where.
 * @param bytes What.
 * @throws {OutputClosed} If nobody reads it any more.
 */
export async function writeAll(
  stdout: Stdout,
  bytes: Uint8Array,
): Promise<void> {
  try {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await stdout.write(rest));
    }
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    throw error;
  }
}

/** How to print messages. */
export interface PrintOptions {
  /** What ends a message where it is not a terminal. */
  delimiter: Delimiter;
  /** Whether the topic and a tab come before each message. */
  topics: boolean;
}

/**
 * Prints messages, each with a delimiter; on a terminal each on a line, with
 * control characters shown.
 *
 * @param stdout Where.
 * @param messages The messages.
 * @param options How.
 * @throws {OutputClosed} If nobody reads it any more.
 */
export function printMessages(
  stdout: Stdout,
  messages: Message[],
  { delimiter, topics }: PrintOptions,
): Promise<void> {
  if (stdout.isTerminal()) {
    const lines = messages.map(({ topic, text }) =>
      `${topics ? `${topic}\t` : ""}${visible(text)}\n`
    );
    return writeAll(stdout, encoder.encode(lines.join("")));
  }
  const printed = topics ? messages.map((it) => it.tagged()) : messages;
  return writeAll(stdout, Message.frame(printed, delimiter));
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
  return text.replaceAll(
    /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (it) => {
      const code = it.charCodeAt(0);
      return code < 0x80
        ? `^${String.fromCharCode(code ^ 0x40)}`
        : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    },
  );
}
