/**
 * Publish/subscribe between programs in any language on one machine, over named
 * pipes (FIFOs), with no daemon.
 *
 * A FIFO is one address; each message to it goes to one of its readers. On the
 * wire a message is its bytes and one line feed, so `echo` publishes and `cat`
 * subscribes.
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
 * Needs the permissions to read and to write the FIFO's path, and to run
 * `mkfifo` where a FIFO has to be made.
 *
 * @module
 */
export type { Dropped } from "./lib/outlet.ts";
export type { Notice } from "./lib/fifo/queue_reader.ts";
export { FifobusError, type FifobusErrorCode } from "./lib/errors.ts";
export type { Delimiter } from "./lib/wire/framing.ts";
export { Message, type SendAnswer } from "./lib/message.ts";
export type {
  ConnectionChange,
  MqttOptions,
  Qos,
  Will,
} from "./lib/mqtt/options.ts";
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
export { matchesTopic } from "./lib/topic.ts";

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
  () => import("./lib/fifo/nonblocking.ts"),
  () => import("./lib/fifo/queue_file.ts"),
];
