/**
 * Publishing lines: of standard input, of a file, with a topic each.
 *
 * @module
 */
import { DEFAULT_MAX_BYTES } from "../framing.ts";
import { load } from "../load.ts";
import { marked } from "../marks.ts";
import { Message } from "../message.ts";
import { MessageSplitter } from "../splitter.ts";
import { nameFault } from "../topic.ts";
import { chunksOf } from "./files.ts";
import { checkJson } from "./json.ts";
import type { World } from "./program.ts";
import { delimiterOf, type Options, type Sender } from "./sender.ts";

/** Where lines come from. */
export interface Input {
  /** What an error calls it. */
  name: string;
  /** Its bytes. */
  readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** How many there are, if that is known. */
  totalBytes?: number | undefined;
  /** Whether somebody types them. */
  isTerminal?: boolean;
}

/**
 * Publishes each line of an input.
 *
 * @param input The input.
 * @param given The options.
 * @param sender Sends them.
 * @param world Where progress is shown.
 * @throws {FifobusError} `message_too_large`, and what publishing throws, once
 * what came before is published.
 */
export async function publishLines(
  input: Input,
  given: Options,
  sender: Sender,
  world: World,
): Promise<void> {
  using progress = await openProgress(input, given, world);
  sender.progress = progress;
  const splitter = new MessageSplitter(
    input.name,
    delimiterOf(given),
    given["max-size"] ?? DEFAULT_MAX_BYTES,
    { hasMarks: false },
  );
  const publish = linePublisher(input.name, given, sender);
  let sent = Promise.resolve();
  const send = async (lines: Message[]) => {
    const previous = sent;
    sent = publish(lines);
    // Awaited with the next ones: until then the next ones are read.
    sent.catch(() => {});
    await previous;
  };
  for await (const chunk of chunksOf(input.name, input.readable)) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) await send(lines);
    progress?.addBytes(chunk.length);
    if (splitter.error || splitter.isMarked) break;
  }
  if (!splitter.error && !splitter.isMarked) await send(splitter.flush());
  await sent;
  if (splitter.isMarked) throw marked(input.name);
  if (splitter.error) throw splitter.error;
}

async function openProgress(
  { isTerminal, totalBytes }: Input,
  given: Options,
  { stderr }: World,
) {
  if (given.quiet || isTerminal || !stderr.isTerminal()) return undefined;
  // Loaded here: most programs write to no terminal.
  const { Progress } = await load<typeof import("./progress.ts")>(
    import.meta.resolve("./progress.ts"),
  );
  return new Progress(stderr, totalBytes);
}

/** Publishes lines as the options say, up to the first that cannot be. */
function linePublisher(
  name: string,
  given: Options,
  sender: Sender,
): (lines: Message[]) => Promise<void> {
  const delimiter = delimiterOf(given);
  const send = async (lines: Message[], topic?: string) => {
    for (let at = 0; at < lines.length;) {
      const count = await sender.due(lines.length - at);
      const framed = Message.frame(lines.slice(at, at + count), delimiter);
      await sender.sendFramed(framed, count, topic);
      at += count;
    }
  };
  if (!given.keyed && !given.json) return send;
  let number = 0;
  return async (lines) => {
    const good: Message[] = [];
    let error: unknown;
    for (const line of lines) {
      number++;
      try {
        const where = `line ${number} of ${name}`;
        const message = given.keyed ? untag(line, where) : line;
        if (given.json) checkJson(message.bytes, where);
        good.push(message);
      } catch (it) {
        error = it;
        break;
      }
    }
    await (given.keyed
      ? sendRuns(good, send, given.rate !== undefined)
      : send(good));
    if (error) throw error;
  };
}

function untag(line: Message, where: string): Message {
  const message = line.untagged();
  if (message && message.replyTo === undefined) return message;
  const { text } = line;
  const tab = text.indexOf("\t");
  const reason = tab < 0
    ? "there is no tab between topic and message"
    : nameFault(text.slice(0, tab)) ?? "its topic is not UTF-8";
  const start = JSON.stringify(text.slice(0, 40));
  throw new Error(`Cannot publish ${where}: ${reason}: ${start}`);
}

/** Publishes messages with topics, runs of one topic at once. */
async function sendRuns(
  messages: Message[],
  send: (run: Message[], topic: string) => Promise<void>,
  paced: boolean,
): Promise<void> {
  const sent: Promise<void>[] = [];
  for (let start = 0, end = 0; start < messages.length; start = end) {
    const { topic } = messages[start]!;
    while (messages[end]?.topic === topic) end++;
    const run = send(messages.slice(start, end), topic);
    // Else a run could overtake the one before it, which waits for its time.
    if (paced) await run;
    else sent.push(run);
  }
  await Promise.all(sent);
}
