/**
 * The options of `pub`, as data.
 *
 * @module
 */
import { MQTT, MQTT_ENVIRONMENT, MQTT_OPTIONS } from "./mqtt.ts";
import type { OptionTable } from "./table.ts";
import {
  ARGUMENTS_HELP,
  BUS_ENVIRONMENT,
  COMMON_OPTIONS,
  HELP,
  type Usage,
} from "./usage.ts";
import {
  address,
  choice,
  count,
  duration,
  file,
  filter,
  lifetime,
  mode,
  moment,
  patience,
  prefix,
  property,
  rate,
  size,
  speed,
  text,
} from "./values.ts";

const MESSAGES = "Messages";
const RECORDS = "Records";
const SENDING = "Sending";
const WAITING = "Waiting";

/** The options of `pub`. */
export const OPTIONS = {
  lines: {
    short: "l",
    group: MESSAGES,
    help: "publish each line of standard input",
  },
  tee: {
    only: "topic",
    excludes: [
      ...["lines", "file", "stdin-message", "null-message", "keyed", "from"],
      ...["json", "retain", "repeat", "rate", "reply", "wait", "no-wait"],
      ...["verbose", "json-lines", "replay"],
    ],
    group: MESSAGES,
    help: "publish each line of a pipeline, and pass it on",
  },
  file: {
    takes: file,
    excludes: ["lines"],
    group: MESSAGES,
    help: "publish each line of FILE",
  },
  "stdin-message": {
    short: "s",
    excludes: ["lines", "file"],
    group: MESSAGES,
    help: "publish standard input as one message",
  },
  "null-message": {
    short: "n",
    excludes: ["lines", "file", "stdin-message"],
    group: MESSAGES,
    help: "publish an empty message",
  },
  keyed: {
    excludes: ["stdin-message", "null-message"],
    group: MESSAGES,
    help: "read lines of a topic, a tab and a message",
  },
  "json-lines": {
    excludes: [
      ...["stdin-message", "null-message", "keyed", "json", "repeat", "reply"],
    ],
    group: MESSAGES,
    help: "read lines of JSON, as sub --json prints them",
  },
  from: {
    takes: address,
    isAddress: true,
    many: true,
    excludes: [
      ...["lines", "file", "stdin-message", "null-message", "keyed", "json"],
      ...["repeat", "rate", "reply", "wait", "no-wait", "null", "verbose"],
      ...["json-lines", "replay"],
    ],
    group: MESSAGES,
    help: "forward messages from ADDRESS (a bridge)",
  },
  spool: {
    takes: file,
    only: "mqtt",
    isForOperands: true,
    excludes: ["reply", "json-lines", "replay"],
    group: SENDING,
    help: "keep messages in FILE until the broker has them",
  },
  "queue-bytes": {
    takes: size,
    needs: ["from", "spool"],
    group: MESSAGES,
    help: "buffer for a broker that is away [8M]",
  },
  null: {
    group: MESSAGES,
    help: "end messages with NUL, as sub --null does",
  },
  json: { group: MESSAGES, help: "reject messages that are not valid JSON" },
  "max-size": {
    takes: size,
    env: "FIFOBUS_MAX_SIZE",
    group: MESSAGES,
    help: "reject messages longer than BYTES [1M]",
  },
  replay: {
    takesFiles: true,
    excludes: [
      ...["lines", "file", "stdin-message", "null-message", "keyed"],
      ...["json-lines", "json", "repeat", "rate", "reply"],
    ],
    group: RECORDS,
    help: "publish what sub --record kept in FILE...",
  },
  to: {
    takes: address,
    isAddress: true,
    needs: "replay",
    group: RECORDS,
    help: "publish to ADDRESS instead of the topics",
  },
  speed: {
    takes: speed,
    needs: "replay",
    group: RECORDS,
    help: "play N times as fast, or max: without pauses [1]",
  },
  loop: {
    needs: "replay",
    group: RECORDS,
    help: "start again at the end, until a signal",
  },
  since: {
    takes: moment,
    needs: "replay",
    group: RECORDS,
    help: "leave out messages before TIME",
  },
  until: {
    takes: moment,
    needs: "replay",
    group: RECORDS,
    help: "leave out messages from TIME on",
  },
  filter: {
    takes: filter,
    many: true,
    needs: "replay",
    group: RECORDS,
    help: "leave out topics that do not match FILTER",
  },
  prefix: {
    takes: prefix,
    needs: ["replay", "json-lines"],
    group: RECORDS,
    help: "put the levels TOPIC before each topic",
  },
  retain: {
    short: "r",
    only: ["topic", "mqtt"],
    isForOperands: true,
    group: SENDING,
    help: "keep the message as the topic's last value",
  },
  repeat: {
    takes: count,
    excludes: ["lines", "file", "keyed"],
    group: SENDING,
    help: "publish the message N times",
  },
  interval: {
    takes: duration,
    needs: "repeat",
    group: SENDING,
    help: "pause between repetitions",
  },
  rate: {
    takes: rate,
    excludes: ["interval"],
    group: SENDING,
    help: "publish at most N messages a second",
  },
  reply: {
    takes: count,
    bare: "1",
    only: ["topic", "mqtt"],
    excludes: [
      ...["lines", "file", "keyed", "retain", "repeat", "rate"],
      ...["slow-timeout", "verbose"],
    ],
    group: SENDING,
    help: "send a request, print the first N answers [1]",
  },
  mode: {
    takes: mode,
    only: ["fifo", "topic"],
    group: SENDING,
    help: "permissions of a new FIFO [600] or bus [700]",
  },
  wait: {
    takes: count,
    bare: "1",
    only: "topic",
    group: WAITING,
    help: "wait until the topic has N subscribers [1]",
  },
  "no-wait": {
    only: ["fifo", "topic"],
    excludes: ["wait"],
    group: WAITING,
    help: "fail at once if nobody reads or subscribes",
  },
  timeout: {
    takes: duration,
    group: WAITING,
    help: "give up after TIME without a reader or answer",
  },
  "slow-timeout": {
    takes: patience,
    env: "FIFOBUS_SLOW_TIMEOUT",
    only: "topic",
    isForOperands: true,
    group: WAITING,
    help: "how long to wait for a stuck subscriber [1]",
  },
  verbose: {
    short: "v",
    group: "Output",
    help: "report how many messages were sent, to whom",
  },
  quiet: {
    short: "q",
    excludes: ["verbose"],
    group: "Output",
    help: "do not report dropped messages or progress",
  },
  property: {
    takes: property,
    many: true,
    only: "mqtt",
    isForOperands: true,
    excludes: ["from"],
    group: MQTT,
    help: "add a user property to the messages",
  },
  "content-type": {
    takes: text,
    only: "mqtt",
    isForOperands: true,
    excludes: ["from"],
    group: MQTT,
    help: "say what the messages are, as text/plain",
  },
  expiry: {
    takes: lifetime,
    only: "mqtt",
    isForOperands: true,
    excludes: ["from"],
    group: MQTT,
    help: "let the broker drop the messages after TIME",
  },
  ...MQTT_OPTIONS,
  init: {
    takes: choice("SHELL", ["bash", "zsh", "sh"]),
    group: HELP,
    help: "print shell functions that start no program",
  },
  ...COMMON_OPTIONS,
} satisfies OptionTable;

/** The program `pub`, as its usage text describes it. */
export const PUB: Usage<typeof OPTIONS> = {
  name: "pub",
  purpose: "publish messages to named pipes and topics",
  operands: "ADDRESS [MESSAGE]...",
  addresses: 1,
  summary: `Publishes messages.

An ADDRESS that starts with /, ./ or ../, or fifo:PATH, is a named pipe (FIFO),
which is made if it is not there. mqtt://HOST/TOPIC is a topic of a broker, as
are mqtts://, ws:// and wss://. Anything else, or topic:NAME, is a topic of this
machine: each subscriber gets each message; without one it is dropped. Several
MESSAGE arguments are one message, joined by spaces. Without any, each line of
standard input is a message; on a terminal you are asked for them.
${ARGUMENTS_HELP}`,
  examples: [
    "pub /tmp/mypipe hello",
    "pub --retain warehouse/a1/temperature 21.5",
    "sensor | pub -l warehouse/a1/temperature",
    "pub --from 'warehouse/#' mqtt://broker.example.org/site1",
    "pub --replay --speed 10 night.json",
    "pub --reply --timeout 2 warehouse/a1/door 'open?'",
    "pub --timeout 2 /tmp/mypipe hello || echo nobody there",
  ],
  common: ["lines", "retain", "reply", "wait", "timeout", "from", "quiet"],
  environment: [...BUS_ENVIRONMENT, ...MQTT_ENVIRONMENT],
  options: OPTIONS,
};
