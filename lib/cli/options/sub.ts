/**
 * The options of `sub`, as data.
 *
 * @module
 */
import { alarm } from "../alarm.ts";
import { UsageError } from "../exit_codes.ts";
import { format, FORMAT_HELP } from "../format.ts";
import { type Member, readMember } from "../member.ts";
import { MQTT, MQTT_ENVIRONMENT, MQTT_OPTIONS } from "./mqtt.ts";
import type { OptionTable } from "./table.ts";
import {
  ARGUMENTS_HELP,
  BUS_ENVIRONMENT,
  COMMON_OPTIONS,
  type Usage,
} from "./usage.ts";
import {
  choice,
  command,
  count,
  duration,
  file,
  filter,
  folder,
  keepLimit,
  keptCount,
  listener,
  mode,
  origin,
  partLimit,
  patience,
  size,
  target,
  text,
  type ValueKind,
} from "./values.ts";

/** A member of the JSON messages to some topics. */
const member: ValueKind<Member> = {
  placeholder: "FILTER#PATH",
  description: "a topic filter, # and a path, such as zigbee/+#temperature",
  read: (text) => {
    const start = `option --value does not take ${JSON.stringify(text)}`;
    const member = readMember(text, start);
    if (member.path !== undefined) return member;
    throw new UsageError(`${start}: it has no # with a path behind it`);
  },
};

const ENDING = "Beginning and ending";
const CHOOSING = "Choosing";
const LOOKING = "Looking around";
const OUTPUT = "Output";
const RECORDS = "Records";
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
    isForOperands: true,
    group: CHOOSING,
    help: "leave out topics that match FILTER",
  },
  "no-retained": {
    short: "R",
    only: ["topic", "mqtt"],
    isForOperands: true,
    group: CHOOSING,
    help: "leave out the last values of topics",
  },
  "retained-only": {
    only: ["topic", "mqtt"],
    isForAll: true,
    excludes: ["no-retained"],
    group: CHOOSING,
    help: "print the last values of topics, then stop",
  },
  changes: {
    only: ["topic", "mqtt"],
    isForAll: true,
    group: CHOOSING,
    help: "leave out a message equal to its topic's last",
  },
  every: {
    takes: duration,
    only: ["topic", "mqtt"],
    isForAll: true,
    group: CHOOSING,
    help: "once in TIME, the last message of each topic",
  },
  settle: {
    takes: duration,
    only: ["topic", "mqtt"],
    isForAll: true,
    excludes: ["every"],
    group: CHOOSING,
    help: "the last message, once a topic rests for TIME",
  },
  list: {
    only: ["topic", "fifo"],
    isForAll: true,
    excludes: READING,
    group: LOOKING,
    help: "list subscribers, and what waits in a FIFO",
  },
  publishers: {
    only: ["topic", "fifo"],
    isForAll: true,
    excludes: ["list", ...READING],
    group: LOOKING,
    help: "list programs that keep subscribers or FIFOs open",
  },
  topics: {
    only: ["topic", "mqtt"],
    isForAll: true,
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
  record: {
    takes: file,
    excludes: [
      ...["list", "publishers", "topics", "exec", "dashboard", "serve"],
      "alarm",
    ],
    group: RECORDS,
    help: "keep messages in FILE, for pub --replay",
  },
  rotate: {
    takes: partLimit,
    needs: "record",
    group: RECORDS,
    help: "begin a new part at a SIZE or after a TIME",
  },
  keep: {
    takes: keepLimit,
    needs: "record",
    group: RECORDS,
    help: "keep N parts, or those of the last TIME",
  },
  fsync: {
    needs: "record",
    group: RECORDS,
    help: "have messages on the disk before taking more",
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
    takes: target,
    isAddress: true,
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
    needs: ["exec", "on-alarm"],
    group: COMMANDS,
    help: "after a signal, let commands run for TIME [10]",
  },
  respond: {
    needs: "exec",
    only: ["topic", "mqtt"],
    isForOperands: true,
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
    help: "show a live web page on [HOST:]PORT or unix:PATH",
  },
  alarm: {
    takes: alarm,
    many: true,
    excludes: ["list", "publishers", "topics", ...PRINTING],
    group: DASHBOARDS,
    help: "mark or print alarms, as 'a/+/t > 30 for 10s'",
  },
  "on-alarm": {
    takes: command,
    needs: "alarm",
    group: DASHBOARDS,
    help: "run CMD when an alarm is raised or ends",
  },
  "alarm-to": {
    takes: target,
    isAddress: true,
    needs: "alarm",
    group: DASHBOARDS,
    help: "publish alarms as JSON to ADDRESS",
  },
  value: {
    takes: member,
    many: true,
    needs: ["dashboard", "serve", "alarm"],
    group: DASHBOARDS,
    help: "show this member of JSON, as 'a/+#temperature'",
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
  "serve-cert": {
    takes: file,
    needs: "serve",
    group: DASHBOARDS,
    help: "encrypt the page with this certificate",
  },
  "serve-key": {
    takes: file,
    needs: "serve",
    group: DASHBOARDS,
    help: "key of the certificate",
  },
  "serve-mode": {
    takes: mode,
    needs: "serve",
    group: DASHBOARDS,
    help: "permissions of the socket unix:PATH [600]",
  },
  origin: {
    takes: origin,
    needs: "serve",
    group: DASHBOARDS,
    help: "URL of the page behind a proxy",
  },
  writable: {
    only: "topic",
    needs: "serve",
    group: DASHBOARDS,
    help: "let clients publish by POST",
  },
  www: {
    takes: folder,
    needs: "serve",
    group: DASHBOARDS,
    help: "serve the files in DIR as /www/",
  },
  mode: {
    takes: mode,
    only: ["fifo", "topic"],
    isForOperands: true,
    group: "Pipes and folders",
    help: "permissions of a new FIFO [600] or bus [700]",
  },
  "strict-delivery": {
    only: "topic",
    isForOperands: true,
    group: "Pipes and folders",
    help: "stop with code 4 when messages were missed",
  },
  "max-size": {
    takes: size,
    env: "FIFOBUS_MAX_SIZE",
    group: "Pipes and folders",
    help: "stop at a message longer than BYTES [1M]",
  },
  "no-local": {
    only: "mqtt",
    isForOperands: true,
    group: MQTT,
    help: "leave out the answers of --respond",
  },
  "retain-as-published": {
    only: "mqtt",
    isForOperands: true,
    excludes: ["retained-only"],
    group: MQTT,
    help: "tell which new messages are to be kept",
  },
  "retain-handling": {
    takes: choice("N", ["0", "1", "2"]),
    only: "mqtt",
    isForOperands: true,
    excludes: ["no-retained", "retained-only"],
    group: MQTT,
    help: "last values: always, if new, never [0]",
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
    title: "Environment of --on-alarm",
    rows: [
      ["FIFOBUS_TOPIC", "the topic"],
      ["FIFOBUS_PATH", "the member of JSON, else empty"],
      ["FIFOBUS_VALUE", "the value, or the whole message"],
      ["FIFOBUS_RULE", "the rule"],
      ["FIFOBUS_ALARM", "1 if the alarm is raised, 0 if it has ended"],
    ],
  }, {
    title: "Keys of --dashboard",
    rows: [
      ["q, ?", "quit; show the keys"],
      ["arrows, page keys", "move; Home and End too, and k j g G"],
      ["Enter", "show one topic alone; again: go back"],
      ["left, right", "choose its value; fold a branch of the tree"],
      ["w, W", "charts of a longer or shorter time, to 24 hours"],
      ["t v r a !", "sort by topic, value, rate, age, alarm; again: reverse"],
      ["/", "show topics that contain what you type; Esc ends it"],
      ["Tab", "show a tree; 1 to 9 fold it to a level, 0 unfolds it"],
      ["p, space", "pause the screen, and go on"],
      ["Ctrl-L", "redraw the screen"],
    ],
  }],
  examples: [
    "sub /tmp/mypipe",
    "sub -v 'warehouse/+/temperature' 'alarm/#'",
    "sub -F '%I %t: %p' '#'",
    `sub --record "$XDG_RUNTIME_DIR/last" --keep 10m '#'`,
    "sub -C 1 -W 5 reply || echo no answer",
    "sub -C 1 -W 5 reply -- pub request 'who is there'",
    "sub --topics -W 60",
    "sub --exec 'notify-send \"$(cat)\"' 'alarm/#'",
    "sub --list",
    "sub --dashboard --alarm 'warehouse/+/temperature>30' 'warehouse/#'",
    "sub --alarm 'pump/+ silent 60s' --on-alarm ./call.sh 'pump/+'",
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
    ["TERM", "without a screen for --dashboard if it is dumb"],
    ["LANG", "if it is not UTF-8, --dashboard uses ASCII"],
  ],
  options: OPTIONS,
};
