/**
 * The types, as very strict projects check them.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import type { OutletModule, SourceModule } from "../lib/mqtt/module.ts";
import { ROOT } from "./harness/programs.ts";
import {
  type MqttOptions,
  Publisher,
  type PublisherOptions,
  type PublishOptions,
  requestAll,
  type RequestOptions,
  Subscriber,
  type SubscriberOptions,
  type Will,
} from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { Folder } from "./harness/folder.ts";
import { finish, Process } from "./harness/process.ts";

Deno.test("a copy passes the checks of a project that allows nothing unused", async () => {
  await using folder = new Folder();
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  // Not in deno.json: in the examples of the documentation deno itself imports
  // what they do not use.
  const options = { noUnusedLocals: true, noUnusedParameters: true };
  const compilerOptions = { ...config.compilerOptions, ...options };
  const copy = { imports: config.imports, compilerOptions };
  await Deno.writeTextFile(folder.file("deno.json"), JSON.stringify(copy));
  const line = 'cd "$0" && cp -r lib mod.ts pub.ts sub.ts deno.lock "$1" && ' +
    'cd "$1" && "$2" check --quiet mod.ts pub.ts sub.ts';
  const command = ["sh", "-c", line, ROOT, folder.path, Deno.execPath()];
  const { code, stderr } = await finish(
    new Process(command as ["sh", ...string[]], { NO_COLOR: "1" }),
  );
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("a script without a broker is checked and documented without MQTT.js", async () => {
  for (const args of [["info", "--json"], ["doc"]]) {
    const { stdout, stderr } = await finish(
      new Process([Deno.execPath(), ...args, `${ROOT}mod.ts`]),
    );
    assertEquals([stdout.includes("npm:mqtt"), stderr], [false, ""]);
  }
});

// The late modules have the types that the library declares for them.
const _: [
  (outlet: typeof import("../lib/mqtt/outlet.ts")) => OutletModule,
  (source: typeof import("../lib/mqtt/source.ts")) => SourceModule,
] = [(outlet) => outlet, (source) => source];

/** All options of an interface as undefined; a new option must be added here. */
type None<T> = Record<keyof T, undefined>;

const publisherOptions: PublisherOptions = {
  delimiter: undefined,
  maxBytes: undefined,
  mode: undefined,
  wait: undefined,
  timeoutMs: undefined,
  connectTimeoutMs: undefined,
  slowTimeoutMs: undefined,
  mqtt: undefined,
  origin: undefined,
  onDropped: undefined,
  signal: undefined,
} as None<PublisherOptions>;

const publishOptions: PublishOptions = {
  topic: undefined,
  retain: undefined,
  replyTo: undefined,
  properties: undefined,
  contentType: undefined,
  expiryMs: undefined,
} as None<PublishOptions>;

const subscriberOptions: SubscriberOptions = {
  delimiter: undefined,
  maxBytes: undefined,
  mode: undefined,
  retained: undefined,
  limit: undefined,
  onNotice: undefined,
  mqtt: undefined,
  connectTimeoutMs: undefined,
  origin: undefined,
  signal: undefined,
} as None<SubscriberOptions>;

const requestOptions: RequestOptions = {
  timeoutMs: undefined,
  wait: undefined,
  delimiter: undefined,
  maxBytes: undefined,
  mode: undefined,
  mqtt: undefined,
  signal: undefined,
  properties: undefined,
  contentType: undefined,
  expiryMs: undefined,
} as None<RequestOptions>;

const mqttOptions: MqttOptions = {
  qos: undefined,
  user: undefined,
  password: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  insecure: undefined,
  clientId: undefined,
  persistent: undefined,
  sessionExpiryMs: undefined,
  noLocal: undefined,
  retainAsPublished: undefined,
  retainHandling: undefined,
  version: undefined,
  will: undefined,
  webSocketPath: undefined,
  onConnection: undefined,
} as None<MqttOptions>;

const will: Will = { topic: "gone", message: "", retain: undefined };

Deno.test("an option that is undefined counts as not given", async () => {
  await using bus = ownBus();
  for (const address of [bus.file("pipe"), "a/topic"]) {
    await using subscriber = await Subscriber.open(address, subscriberOptions);
    await using publisher = await Publisher.open(address, {
      ...publisherOptions,
      mqtt: { ...mqttOptions, will },
    });
    await publisher.publish("hello", publishOptions);
    const next = await subscriber[Symbol.asyncIterator]().next();
    assertEquals(next.value?.text, "hello");
  }
  await using responder = await Subscriber.open("upper", subscriberOptions);
  const answered = (async () => {
    for await (const message of responder) {
      return await message.reply(message.text.toUpperCase());
    }
  })();
  const answers = requestAll("upper", "hi", requestOptions);
  for await (const answer of answers) {
    assertEquals(answer.text, "HI");
    break;
  }
  await answered;
});
