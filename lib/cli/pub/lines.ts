/**
 * Publishes lines of standard input or a file; each may have its own topic.
 *
 * @module
 */
import { load } from "../../load.ts";
import { WireMessage } from "../../wire/message.ts";
import { nameFault } from "../../topic.ts";
import { marked } from "../../wire/marks.ts";
import { MessageSplitter } from "../../wire/splitter.ts";
import { chunksOf } from "../files.ts";
import type { World } from "../program.ts";
import { checkJson } from "./json.ts";
import type { Progress } from "./progress.ts";
import type { PubPlan } from "./plan.ts";
import type { Sender } from "./sender.ts";

/** A source of lines. */
export interface Input {
  /** Its name in errors. */
  name: string;
  /** Its bytes. */
  readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The number of bytes, if known. */
  totalBytes?: number | undefined;
  /** Whether it is a file that the user named. */
  isFile?: boolean;
  /** Whether somebody types the lines. */
  isTerminal?: boolean;
}

/**
 * Consecutive lines that are sent together: for the address, for one topic, or
 * for the bus, each with its topic.
 */
interface Run {
  topic?: string | undefined;
  topics?: string[];
  messages: WireMessage[];
}

/**
 * Publishes each line of an input.
 *
 * @param input The input.
 * @param plan How to publish them.
 * @param sender Sends them.
 * @param world The streams; progress goes to standard error.
 * @throws {FifobusError} `message_too_large`, after it has published the lines
 * before; and any error of publishing, at once, without sending further lines.
 */
export async function publishLines(
  input: Input,
  plan: PubPlan,
  sender: Sender,
  world: World,
): Promise<void> {
  using progress = await openProgress(input, plan, world);
  sender.progress = progress;
  // The next line may come much later, but an error should show at once.
  await sender.unlessFailed(sendLines(input, plan, sender, progress));
}

/**
 * Sends the lines, in one loop so that they stay in order. While it writes the
 * lines that it read last, it reads on.
 */
async function sendLines(
  { name, readable }: Input,
  plan: PubPlan,
  sender: Sender,
  progress: Progress | undefined,
): Promise<void> {
  const { delimiter, maxBytes } = plan.publisher;
  const splitter = new MessageSplitter(name, delimiter, maxBytes, {
    hasMarks: false,
  });
  const divide = divider(name, plan);
  let before: Promise<unknown> = Promise.resolve();
  const send = async (lines: WireMessage[], bytes: number) => {
    const { runs, error } = divide(lines);
    const sent: Promise<void>[] = [];
    for (const { topic, topics, messages } of runs) {
      for (let at = 0; at < messages.length;) {
        const count = await sender.due(messages.length - at);
        const from = at;
        const due = messages.slice(from, at += count);
        sent.push(
          topics
            ? sender.sendKeyed({
              records: due,
              topics: topics.slice(from, at),
              frame: WireMessage.frame,
            })
            : sender.sendFramed(
              WireMessage.frame(due, delimiter),
              count,
              topic,
            ),
        );
        progress?.addBytes(bytes * count / lines.length);
      }
    }
    await before;
    before = Promise.all(sent);
    if (!error) return;
    await before;
    throw error;
  };
  for await (const chunk of chunksOf(name, readable)) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) await send(lines, chunk.length);
    else progress?.addBytes(chunk.length);
    if (splitter.error || splitter.isMarked) break;
  }
  if (!splitter.error && !splitter.isMarked) await send(splitter.flush(), 0);
  await before;
  if (splitter.isMarked) throw marked(name);
  if (splitter.error) throw splitter.error;
}

/**
 * Shows the progress of an input, if somebody can see it.
 *
 * @param input The input.
 * @param plan What to report.
 * @param world Where it is shown.
 * @returns What shows it; undefined if nothing does.
 */
export async function openProgress(
  { isTerminal, isFile, totalBytes }: Omit<Input, "name" | "readable">,
  { report }: PubPlan,
  { stderr }: World,
): Promise<Progress | undefined> {
  if (report === "nothing" || isTerminal || !stderr.isTerminal()) {
    return undefined;
  }
  // Loaded here, because most runs do not write to a terminal.
  const { Progress, stdinBytes } = await load<typeof import("./progress.ts")>(
    import.meta.resolve("./progress.ts"),
  );
  if (isFile) return new Progress(stderr, totalBytes);
  const bytes = stdinBytes();
  // The output of a program has no known end, so there is no progress.
  return bytes === undefined ? undefined : new Progress(stderr, bytes);
}

/**
 * Checks lines, up to the first wrong line, and groups them: by topic, if they
 * are to be kept as last values, or have properties.
 */
function divider(
  name: string,
  { content, mustBeJson, retain, properties }: PubPlan,
): (lines: WireMessage[]) => { runs: Run[]; error?: unknown } {
  const isKeyed = content.kind === "lines" && content.hasTopics;
  if (!isKeyed && !mustBeJson) {
    return (messages) => ({ runs: [{ messages }] });
  }
  const isShared = isKeyed && !retain && !properties;
  let number = 0;
  return (lines) => {
    const runs: Run[] = [];
    const where = () => `line ${number} of ${name}`;
    for (const line of lines) {
      number++;
      try {
        const topic = isKeyed ? topicOf(line, where) : undefined;
        // Most lines go out as they are: a message of its own would be garbage.
        const message = () => isKeyed ? line.untagged()! : line;
        if (mustBeJson) checkJson(message().bytes, where());
        if (isShared) addKeyed(runs, topic!, line);
        else addTo(runs, topic, message());
      } catch (error) {
        return { runs, error };
      }
    }
    return { runs };
  };
}

/** Adds a line to the only run, whatever its topic. */
function addKeyed(runs: Run[], topic: string, line: WireMessage): void {
  const run = runs[0] ??= { topics: [], messages: [] };
  run.topics!.push(topic);
  run.messages.push(line);
}

/** Adds a message to the last run, or to a new run if that has another topic. */
function addTo(
  runs: Run[],
  topic: string | undefined,
  message: WireMessage,
): void {
  const run = runs.at(-1);
  if (run && run.topic === topic) run.messages.push(message);
  else runs.push({ topic, messages: [message] });
}

function topicOf(line: WireMessage, where: () => string): string {
  const { tag } = line;
  if (tag && tag.replyTo === undefined) return tag.topic;
  const { text } = line;
  const tab = text.indexOf("\t");
  const reason = tab < 0
    ? "there is no tab between topic and message"
    : nameFault(text.slice(0, tab)) ?? "its topic is not UTF-8";
  const start = JSON.stringify(text.slice(0, 40));
  throw new Error(`Cannot publish ${where()}: ${reason}: ${start}`);
}
