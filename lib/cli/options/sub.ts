/**
 * The options of `sub`, as data.
 *
 * @module
 */
import { isTopicFilter } from "../../topic.ts";
import { alarm } from "../alarm.ts";
import { format, FORMAT_HELP } from "../format.ts";
import { MQTT_ENVIRONMENT, MQTT_OPTIONS } from "./mqtt.ts";
import type { OptionTable } from "./table.ts";
import {
  ARGUMENTS_HELP,
  BUS_ENVIRONMENT,
  COMMON_OPTIONS,
  type Usage,
} from "./usage.ts";
import {
  address,
  choice,
  command,
  count,
  duration,
  file,
  keptCount,
  listener,
  mode,
  patience,
  size,
  text,
  type ValueKind,
} from "./values.ts";

/** A topic filter. */
const filter: ValueKind<string> = {
  placeholder: "FILTER",
  description: "a topic filter such as warehouse/+/door",
  read: (text) => isTopicFilter(text) ? text : undefined,
};

const ENDING = "Beginning and ending";
const CHOOSING = "Choosing";
const LOOKING = "Looking around";
const OUTPUT = "Output";
const COMMANDS = "Commands";
const DASHBOARDS = "Dashboards";

/** Options that choose what is printed; a dashboard prints nothing. */
const PRINTING = ["verbose", "keyed", "format", "json", "raw", "exec"];

/** Options for messages; a list has none. */
const READING = [
  ...["count", "timeout", "exit-word", "no-exit-word", "filter-out"],
  ...["no-retained", "retained-only", "stats", "null", "max-size"],
  ...[
    "ready",
    "changes",
    "every",
    "settle",
    "topics",
    "parse",
    "strict-delivery",
  ],
  ...["verbose", "keyed", "format", "raw", "exec", "dashboard", "serve"],
];

/** The options of `sub`. */
export const OPTIONS = {
  count: {
    short: "C",
    takes: count,
    group: ENDING,
    help: "stop after N messages; a FIFO keeps the rest",
  },
  timeout: {
    short: "W",
    takes: duration,
    group: ENDING,
    help: "stop when no message comes for TIME",
  },
  "exit-word": {
    takes: text,
    group: ENDING,
    help: "stop at the message TEXT, on topics too [exit]",
  },
  "no-exit-word": {
    excludes: ["exit-word"],
    group: ENDING,
    help: "do not stop at the message exit of a FIFO",
  },
  ready: {
    takes: file,
    group: ENDING,
    help: "write a newline to FILE when sub listens",
  },
  "filter-out": {
    short: "T",
    takes: filter,
    many: true,
    only: ["topic", "mqtt"],
    group: CHOOSING,
    help: "leave out topics that match FILTER",
  },
  "no-retained": {
    short: "R",
    only: ["topic", "mqtt"],
    group: CHOOSING,
    help: "leave out the last values of topics",
  },
  "retained-only": {
    only: ["topic", "mqtt"],
    excludes: ["no-retained"],
    group: CHOOSING,
    help: "print the last values of topics, then stop",
  },
  changes: {
    only: ["topic", "mqtt"],
    group: CHOOSING,
    help: "leave out a message equal to its topic's last",
  },
  every: {
    takes: duration,
    only: ["topic", "mqtt"],
    group: CHOOSING,
    help: "once in TIME, the last message of each topic",
  },
  settle: {
    takes: duration,
    only: ["topic", "mqtt"],
    excludes: ["every"],
    group: CHOOSING,
    help: "the last message, once a topic rests for TIME",
  },
  list: {
    only: ["topic", "fifo"],
    excludes: READING,
    group: LOOKING,
    help: "list subscribers, and what waits in a FIFO",
  },
  publishers: {
    only: ["topic", "fifo"],
    excludes: ["list", ...READING],
    group: LOOKING,
    help: "list programs that keep subscribers or FIFOs open",
  },
  topics: {
    only: ["topic", "mqtt"],
    excludes: [
      ...["count", "exit-word", "changes", "every", "settle"],
      ...["stats", "verbose", "keyed", "format", "raw", "parse"],
      ...["strict-delivery"],
    ],
    group: LOOKING,
    help: "listen for TIME of -W [5], then list the topics",
  },
  verbose: {
    short: "v",
    group: OUTPUT,
    help: "print the topic and a tab before each message",
  },
  keyed: { group: OUTPUT, help: "same as --verbose: the input of pub --keyed" },
  format: {
    short: "F",
    takes: format,
    excludes: ["verbose", "keyed"],
    group: OUTPUT,
    help: "print each message in FORMAT, see below",
  },
  json: {
    excludes: ["verbose", "keyed", "format"],
    group: OUTPUT,
    help: "print each message as a line of JSON",
  },
  parse: {
    needs: "json",
    group: OUTPUT,
    help: "embed messages that are JSON as they are",
  },
  raw: {
    excludes: ["verbose", "keyed", "format", "json"],
    group: OUTPUT,
    help: "print the bytes of messages, nothing between",
  },
  null: {
    group: OUTPUT,
    help: "end messages with NUL, as pub --null does",
  },
  color: {
    takes: choice("WHEN", ["auto", "always", "never"]),
    needs: ["verbose", "keyed", "dashboard"],
    group: OUTPUT,
    help: "color topics: auto, always or never [auto]",
  },
  stats: {
    group: OUTPUT,
    help: "report messages and bytes on standard error",
  },
  exec: {
    takes: command,
    excludes: ["topics", "verbose", "keyed", "format", "json", "raw"],
    group: COMMANDS,
    help: "run CMD for each message, on its standard input",
  },
  jobs: {
    takes: count,
    needs: "exec",
    group: COMMANDS,
    help: "run up to N commands at a time [1]",
  },
  retry: {
    takes: count,
    needs: "exec",
    group: COMMANDS,
    help: "rerun a failed command up to N times [0]",
  },
  failed: {
    takes: address,
    needs: "exec",
    group: COMMANDS,
    help: "publish messages that failed to ADDRESS",
  },
  strict: {
    needs: "exec",
    group: COMMANDS,
    help: "stop when a command has failed",
  },
  grace: {
    takes: patience,
    needs: "exec",
    group: COMMANDS,
    help: "after a signal, let commands run for TIME [10]",
  },
  respond: {
    needs: "exec",
    only: ["topic", "mqtt"],
    group: COMMANDS,
    help: "answer requests with what CMD prints",
  },
  dashboard: {
    excludes: ["topics", "stats", ...PRINTING],
    group: DASHBOARDS,
    help: "show a live table of topics in the terminal",
  },
  serve: {
    takes: listener,
    excludes: ["topics", ...PRINTING],
    group: DASHBOARDS,
    help: "show a live web page on [HOST:]PORT",
  },
  alarm: {
    takes: alarm,
    many: true,
    needs: ["dashboard", "serve"],
    group: DASHBOARDS,
    help: "highlight topics that match, as 'a/+/t>30'",
  },
  history: {
    takes: keptCount,
    needs: "serve",
    group: DASHBOARDS,
    help: "messages that a new page starts with [1000]",
  },
  token: {
    takes: text,
    bare: "",
    env: "FIFOBUS_TOKEN",
    needs: "serve",
    group: DASHBOARDS,
    help: "require TOKEN; without a value, make one up",
  },
  mode: {
    takes: mode,
    only: ["fifo", "topic"],
    group: "Pipes and folders",
    help: "permissions of a new FIFO [600] or bus [700]",
  },
  "strict-delivery": {
    only: "topic",
    group: "Pipes and folders",
    help: "stop with code 4 when messages were missed",
  },
  "max-size": {
    takes: size,
    env: "FIFOBUS_MAX_SIZE",
    group: "Pipes and folders",
    help: "stop at a message longer than BYTES [1M]",
  },
  ...MQTT_OPTIONS,
  ...COMMON_OPTIONS,
} satisfies OptionTable;

/** The program `sub`, as its usage text describes it. */
export const SUB: Usage<typeof OPTIONS> = {
  name: "sub",
  purpose: "print messages of named pipes and topics, or show them",
  operands: "ADDRESS... [-- COMMAND...]",
  addresses: Infinity,
  takesCommand: true,
  summary: `Prints messages, each on a line.

An ADDRESS that starts with /, ./ or ../, or fifo:PATH, is a named pipe (FIFO),
which is made if it is not there; each message goes to one of its readers, and
the message "exit" ends the one that gets it.
Anything else, or topic:FILTER, is a topic filter, mqtt://HOST/FILTER one of a
broker (mqtts://, ws:// and wss:// too): every subscriber gets every message to
a topic that it matches; + stands for one level between slashes, # for all that
follow. The subscribers to $share/GROUP/FILTER get each message once between
them.
On a terminal control characters are shown, not obeyed.
A COMMAND behind -- starts when sub listens; its output goes to standard error.
${ARGUMENTS_HELP}`,
  sections: [FORMAT_HELP, {
    title: "Environment of a command",
    rows: [
      ["FIFOBUS_TOPIC", "the topic, or the path of the FIFO"],
      ["FIFOBUS_RETAINED", "1 if it is a last value, else 0"],
      ["FIFOBUS_SEQUENCE", "1 for the first message, and so on"],
      ["FIFOBUS_REPLY_TO", "the topic for the answer to a request, else empty"],
    ],
  }, {
    title: "Keys of --dashboard",
    rows: [
      ["q", "quit"],
      ["t v r a", "sort by topic, value, rate or age; again: reverse"],
      ["/", "show topics that contain what you type; Esc ends it"],
      ["p, space", "pause the screen, and go on"],
      ["arrows, page keys", "scroll; Home and End too, and k j g G"],
      ["Ctrl-L", "redraw the screen"],
    ],
  }],
  examples: [
    "sub /tmp/mypipe",
    "sub -v 'warehouse/+/temperature' 'alarm/#'",
    "sub -F '%I %t: %p' '#'",
    "sub -C 1 -W 5 reply || echo no answer",
    "sub -C 1 -W 5 reply -- pub request 'who is there'",
    "sub --topics -W 60",
    "sub --exec 'notify-send \"$(cat)\"' 'alarm/#'",
    "sub --list",
    "sub --dashboard --alarm 'warehouse/+/temperature>30' 'warehouse/#'",
    "sub --serve 8080 'warehouse/#'",
  ],
  common: [
    ...["verbose", "json", "count", "timeout", "exec", "list"],
    ...["dashboard", "serve"],
  ],
  environment: [
    ...BUS_ENVIRONMENT,
    ...MQTT_ENVIRONMENT,
    ["NO_COLOR", "no color, unless --color says always"],
  ],
  options: OPTIONS,
};
