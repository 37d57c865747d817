/**
 * Requests: messages to a topic that are answered.
 *
 * @module
 */
import { parseAddress, shownAddress } from "./address.ts";
import {
  checkNumbers,
  FifobusError,
  type FifobusErrorCode,
  MAX_TIMER_MS,
} from "./errors.ts";
import type { Message, MessageProperties } from "./message.ts";
import { besides } from "./mqtt/besides.ts";
import type { MqttOptions } from "./mqtt/options.ts";
import { Publisher } from "./publisher.ts";
import { Subscriber } from "./subscriber.ts";
import { subscriptions } from "./subscriptions.ts";
import {
  checkTopicName,
  matchesTopic,
  parseShared,
  REPLY_PREFIX,
} from "./topic.ts";
import type { Delimiter } from "./wire/framing.ts";

/** How to make a request; the properties are for brokers. */
export interface RequestOptions extends MessageProperties {
  /**
   * How long to wait for answers, in milliseconds. This includes the time until
   * there is a subscriber to ask. Infinity waits for ever.
   *
   * @default {5000}
   */
  timeoutMs?: number | undefined;
  /**
   * How many subscribers to wait for before the request is sent. By default, at
   * least one has to be there already.
   */
  wait?: boolean | number | undefined;
  /**
   * What ends a message on the wire. With NUL on both sides, the request and its
   * answers may hold line feeds.
   *
   * @default {"\n"}
   */
  delimiter?: Delimiter | undefined;
  /**
   * The longest request, and the longest answer, in bytes.
   *
   * @default {1048576}
   */
  maxBytes?: number | undefined;
  /**
   * The permissions of the folder of the bus, if it has to be made.
   *
   * @default {0o700}
   */
  mode?: number | undefined;
  /** How to speak to a broker, if the topic is one of `mqtt://`. */
  mqtt?: MqttOptions | undefined;
  /** Gives up when aborted: pending calls reject with its reason. */
  signal?: AbortSignal | undefined;
}

/** How the topics of answers start at a broker. */
const MQTT_REPLY_PREFIX = "fifobus/reply/";

/** How long to wait for answers, unless told otherwise. */
const TIMEOUT_MS = 5000;

/**
 * Asks the subscribers of a topic, and waits for the first answer.
 *
 * A subscriber answers with {@linkcode Message.reply}, or by publishing a message
 * to {@linkcode Message.replyTo}.
 *
 * @param topic The topic to ask.
 * @param message The request; text is sent as UTF-8.
 * @param options How to ask.
 * @returns The first answer.
 * @throws {FifobusError} `no_reader`, at once, if nobody subscribes to the
 * topic and {@linkcode RequestOptions.wait} is not given; `timed_out`;
 * `bad_address`, for a FIFO too; `message_too_large`, `delimiter_in_message`,
 * `unsafe_bus`.
 * @throws {RangeError} If a number of the options is less than 0, or NaN.
 *
 * @example
 * ```ts
 * import { request, Subscriber } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * await using subscriber = await Subscriber.open("example/greeting");
 * const asked = request("example/greeting", "Ada");
 * const [message] = (await subscriber.read())!;
 * await message!.reply(`Hello, ${message!.text}`);
 * assertEquals((await asked).text, "Hello, Ada");
 * ```
 */
export async function request(
  topic: string,
  message: string | Uint8Array,
  options: RequestOptions = {},
): Promise<Message> {
  const answers = requestAll(topic, message, options);
  const first = await answers.next();
  await answers.return();
  // Without an answer, next() has thrown.
  return first.value as Message;
}

/**
 * Asks the subscribers of a topic, and iterates over their answers as they
 * arrive, until you leave the loop or the time is over. The request is sent when
 * the loop starts.
 *
 * @param topic The topic to ask.
 * @param message The request; text is sent as UTF-8.
 * @param options How to ask.
 * @returns The answers; at least one.
 * @throws {FifobusError} As {@linkcode request} does; `timed_out` only if no
 * answer came.
 *
 * @example Two answers, and no longer
 * ```ts
 * import { requestAll, Subscriber } from "@fifobus/fifobus";
 * import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
 *
 * await using subscriber = await Subscriber.open("example/who");
 * const answers: string[] = [];
 * const asked = (async () => {
 *   for await (const answer of requestAll("example/who", "is there?")) {
 *     if (answers.push(answer.text) === 2) break;
 *   }
 * })();
 * const [message] = (await subscriber.read())!;
 * await message!.reply("Ada");
 * await message!.reply("Grace");
 * await asked;
 * assertEquals(answers, ["Ada", "Grace"]);
 * ```
 */
export async function* requestAll(
  topic: string,
  message: string | Uint8Array,
  options: RequestOptions = {},
): AsyncGenerator<Message, void> {
  const { timeoutMs = TIMEOUT_MS, wait, maxBytes, signal } = options;
  checkNumbers({ timeoutMs, wait, maxBytes });
  signal?.throwIfAborted();
  const to = parseAddress(topic);
  const shown = shownAddress(to);
  if (to.kind === "fifo") {
    throw refused("bad_address", shown, "a FIFO has no replies");
  }
  checkTopicName(to.topic);
  // A broker reports that when it gets the request.
  const isAsked = to.kind === "mqtt" || wait ||
    await hasSubscriber(to.topic, options.mode);
  if (!isAsked) throw refused("no_reader", shown, "nobody subscribes to it");
  // At a broker, topics that start with a dollar sign are reserved.
  const prefix = to.kind === "mqtt" ? MQTT_REPLY_PREFIX : REPLY_PREFIX;
  const replyTo = prefix + crypto.randomUUID();
  // Before the request is sent, so that no answer comes too early.
  const broker = topic.slice(0, topic.length - to.topic.length);
  await using subscriber = await Subscriber.open(broker + replyTo, {
    ...options,
    connectTimeoutMs: timeoutMs,
    retained: false,
  });
  const done = new AbortController();
  // Closed, not aborted: answers that came in time are still handed out.
  using _timer = timer(timeoutMs, () => subscriber.close());
  await using publisher = await Publisher.open(topic, {
    ...options,
    mqtt: besides(options.mqtt ?? {}, "-to"),
    // Wait for a slow subscriber as long as for an answer. The answers of others
    // do not wait for it.
    slowTimeoutMs: timeoutMs,
    timeoutMs,
    connectTimeoutMs: timeoutMs,
    signal: AbortSignal.any([done.signal, ...(signal ? [signal] : [])]),
  });
  const { properties, contentType, expiryMs } = options;
  const published = publisher.publish(message, {
    replyTo,
    properties,
    contentType,
    expiryMs,
  });
  published.catch(() => subscriber.close());
  let answered = false;
  try {
    for await (const answer of subscriber) {
      answered = true;
      yield answer;
    }
  } finally {
    done.abort();
  }
  await published.catch((error) => {
    // The time was over before anybody took the request.
    if (error !== done.signal.reason) throw error;
  });
  if (!answered) {
    throw refused("timed_out", shown, `no answer within ${timeoutMs} ms`);
  }
}

/** Tells whether a live process subscribes: a dead one cannot answer. */
async function hasSubscriber(topic: string, mode?: number): Promise<boolean> {
  return (await subscriptions({ mode }))
    .some(({ filter }) =>
      matchesTopic(parseShared(filter)?.filter ?? filter, topic)
    );
}

function timer(timeoutMs: number, onOver: () => void): Disposable {
  if (timeoutMs > MAX_TIMER_MS) return { [Symbol.dispose]: () => {} };
  const id = setTimeout(onOver, timeoutMs);
  return { [Symbol.dispose]: () => clearTimeout(id) };
}

function refused(
  code: FifobusErrorCode,
  topic: string,
  reason: string,
): FifobusError {
  return new FifobusError(code, `Cannot ask "${topic}": ${reason}`);
}
