/**
 * Publish/subscribe between programs in any language on one machine, over named
 * pipes (FIFOs), with no daemon.
 *
 * A **topic** reaches everyone who subscribes to it, or to a filter that matches
 * it, as in MQTT. A publisher may keep its last value for those who come later.
 *
 * ```ts no-assert
 * import { publish, subscribe } from "@fifobus/fifobus";
 *
 * await publish("example/door", "open", { retain: true });
 * for await (const { topic, text } of subscribe("example/+")) {
 *   console.log(topic, text);
 *   break;
 * }
 * await publish("example/door", "", { retain: true });
 * ```
 *
 * A **FIFO** is a queue: each message goes to one of its readers. On the wire it
 * is its bytes and a line feed, so `echo` publishes and `cat` subscribes.
 *
 * ```ts no-assert
 * import { publish, subscribe } from "@fifobus/fifobus";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/mypipe`;
 * const published = publish(path, "21.5");
 * for await (const message of subscribe(path)) {
 *   console.log(message.text);
 *   break;
 * }
 * await published;
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * {@linkcode request} asks the subscribers of a topic and waits for an answer,
 * which {@linkcode Message.reply} gives. {@linkcode subscriptions} lists who is
 * there. `mqtt://HOST/TOPIC` instead of a topic is one of an MQTT broker, with
 * everything else the same; `mqtt://HOST,HOST/TOPIC` names the servers of a
 * cluster. MQTT.js is fetched only when such an address is used.
 *
 * Needs the permissions to read and to write the FIFO, or the folder of the bus,
 * and to run `mkfifo`; for a topic also to read the environment variables
 * `FIFOBUS_DIR` and `XDG_RUNTIME_DIR` and the user's id (`--allow-sys=uid`); for
 * a broker to reach it (`--allow-net`).
 *
 * @module
 */
export type { Subscription } from "./lib/bus/list.ts";
export { FifobusError, type FifobusErrorCode } from "./lib/errors.ts";
export type { Notice } from "./lib/fifo/queue_reader.ts";
export type { Message, MessageProperties } from "./lib/message.ts";
export type {
  ConnectionChange,
  MqttOptions,
  Qos,
  Will,
} from "./lib/mqtt/options.ts";
export type { Dropped } from "./lib/outlet.ts";
export {
  publish,
  Publisher,
  type PublisherOptions,
  type PublishOptions,
} from "./lib/publisher.ts";
export { request, requestAll, type RequestOptions } from "./lib/request.ts";
export {
  subscribe,
  Subscriber,
  type SubscriberOptions,
} from "./lib/subscriber.ts";
export {
  subscriptions,
  type SubscriptionsOptions,
} from "./lib/subscriptions.ts";
export { matchesTopic } from "./lib/topic.ts";
export type { Delimiter } from "./lib/wire/framing.ts";

// What lib/ loads when it is needed. Never called: it shows these files to `deno
// compile` and `deno cache`, and to the permissions of the script. MQTT.js would
// be downloaded for every script, so what imports it is not here: a script with a
// clone of fifobus and a broker needs --allow-read for the clone.
void [
  () => import("./lib/bus/folder.ts"),
  () => import("./lib/bus/group.ts"),
  () => import("./lib/bus/inbox.ts"),
  () => import("./lib/bus/list.ts"),
  () => import("./lib/bus/outlet.ts"),
  () => import("./lib/bus/regular.ts"),
  () => import("./lib/fifo/adopt.ts"),
  () => import("./lib/fifo/lock.ts"),
  () => import("./lib/fifo/nonblocking.ts"),
];
