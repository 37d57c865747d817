/**
 * The options of `sub`, as data.
 *
 * @module
 */
import { isTopicFilter } from "../../topic.ts";
import { alarm } from "../alarm.ts";
import { UsageError } from "../exit_codes.ts";
import { format, FORMAT_HELP } from "../format.ts";
import { type Member, readMember } from "../member.ts";
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
  folder,
  keptCount,
  listener,
  mode,
  origin,
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

const ENDING = "Ending";
const CHOOSING = "Choosing";
const OUTPUT = "Output";
const COMMANDS = "Commands";
const DASHBOARDS = "Dashboards";

/** Options that choose what is printed; a dashboard prints nothing. */
const PRINTING = ["verbose", "keyed", "format", "json", "raw", "exec"];

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
  list: {
    only: ["topic", "fifo"],
    excludes: [
      ...["count", "timeout", "exit-word", "no-exit-word", "filter-out"],
      ...["no-retained", "retained-only", "stats", "null", "max-size"],
      ...["verbose", "keyed", "format", "raw"],
    ],
    group: CHOOSING,
    help: "list subscribers, and what waits in a FIFO",
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
    excludes: ["list"],
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
    excludes: ["list", "verbose", "keyed", "format", "json", "raw"],
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
    excludes: ["list", "stats", ...PRINTING],
    group: DASHBOARDS,
    help: "show a live table of topics in the terminal",
  },
  serve: {
    takes: listener,
    excludes: ["list", ...PRINTING],
    group: DASHBOARDS,
    help: "show a live web page on [HOST:]PORT or unix:PATH",
  },
  alarm: {
    takes: alarm,
    many: true,
    excludes: ["list", ...PRINTING],
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
    takes: address,
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
    group: "Pipes and folders",
    help: "permissions of a new FIFO [600] or bus [700]",
  },
  "strict-delivery": {
    only: "topic",
    excludes: ["list"],
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
  operands: "ADDRESS...",
  addresses: Infinity,
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
      ["w", "charts of the last minute, hour or day"],
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
    "sub -C 1 -W 5 reply || echo no answer",
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
