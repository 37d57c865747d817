/**
 * The chapters of the man pages that are not about one option. Their markup is
 * that of the texts of options: lib/cli/options/full.ts.
 *
 * @module
 */
import { PUB_FULL } from "../lib/cli/options/pub_full.ts";
import { SUB_FULL } from "../lib/cli/options/sub_full.ts";

/** A paragraph, or a term and its meaning. */
export type Block = string | readonly [term: string, meaning: string];

/** A chapter. */
export interface Chapter {
  /** Its heading. */
  title: string;
  /** What it says. */
  body: readonly Block[];
}

/** What a man page has besides the data of the usage text. */
export interface Manual {
  /** The ways to call the program, without its name. */
  synopsis: readonly string[];
  /** What it does. */
  description: readonly string[];
  /** The texts of its options. */
  options: Readonly<Record<string, string>>;
  /** Chapters behind the options. */
  chapters: readonly Chapter[];
  /** What comes before the tables of the usage text, by their titles. */
  introductions: Readonly<Record<string, string>>;
  /** Commands, each with the sentence before it. */
  examples: readonly (readonly [sentence: string, command: string])[];
}

const ADDRESSES: Chapter = {
  title: "Addresses",
  body: [
    [
      "/tmp/mypipe, ./mypipe, ../mypipe, fifo:mypipe",
      `A named pipe (FIFO) in
the file system. It is made if it is not there, and nobody removes it. Each
message goes to one of its readers, so a FIFO is a queue. Any program takes part:
"echo" writes messages, "cat" reads them. A publisher waits for a reader.`,
    ],
    [
      "warehouse/a1/door, topic:/warehouse/a1/door",
      `A topic of this machine.
Every subscriber whose filter matches gets each message. If there is none, the
message is dropped. Only a topic that starts with a slash or a dot, or looks like
another address, needs "topic:". Topics follow the rules of MQTT: levels between
slashes, no control characters, at most 65,535 bytes. Names of files have 255
bytes at most, which makes long topics with many capitals or other characters
impossible.`,
    ],
    [
      "warehouse/+/door, warehouse/#",
      `Topic filters, for subscribers: "+" stands
for one level, "#" for all that follow. Quote them for the shell.`,
    ],
    [
      "$share/GROUP/FILTER",
      `A filter that several subscribers share: each
message goes to one member of GROUP. Other groups, and subscribers without a
group, get all messages. A group gets no last values, and nothing is kept for it
while it has no members. Quote it for the shell.`,
    ],
    [
      "mqtt://[USER[:PASSWORD]@]HOST[:PORT][,HOST...]/TOPIC, mqtts://, ws://, wss://",
      `A topic, or a filter, at an MQTT broker. mqtts:// and wss:// are encrypted;
ws:// and wss:// are for brokers behind a web server. The ports are 1883, 8883, 80
and 443 by default. In USER and PASSWORD the characters "/ ? # @ %" are written %2F,
%3F, %23, %40 and %25. Several HOSTs are servers of one broker: the first that
answers is used, and the next when it is lost. Other URLs are errors, and never
topics.`,
    ],
  ],
};

const ARGUMENTS: Chapter = {
  title: "Arguments",
  body: [
    `Options can stand anywhere. "-C 5", "-C5", "--count 5" and "--count=5" are the
same. Where the value is optional, as in "--wait[=N]", it needs the "=". Of an
option that is given twice the last value counts, unless its text says that it can
be repeated. An option that means nothing for the ADDRESS is an error. So is an
argument that is not UTF-8, or holds U+FFFD, which Deno puts in the place of other
bytes: a message with such bytes can come from standard input.`,
    [
      "--",
      `Ends the options: what follows is an argument, even if it starts with a
minus sign. For sub, what follows it behind an ADDRESS is a command.
  pub warehouse/a1/note -- --help`,
    ],
    [
      "-18.5",
      `A minus sign with a digit or a decimal point behind it is an argument,
because no option is a digit. So numbers need no "--".
  pub warehouse/a1/temperature -18.5`,
    ],
    [
      "TIME",
      `A number of seconds, or a number with a unit: "2", "0.5", "500ms",
"2s", "5m" or "1h". The longest is 24 days. Where the text of an option says so,
"inf" stands for no limit.`,
    ],
    [
      "BYTES",
      `A whole number, or one with the unit k, M or G: "4096", "64k" or
"1M". 1k is 1024 bytes.`,
    ],
    [
      "MODE",
      `Permissions as chmod(1) takes them in octal, in three or four
digits: "600" or "1777".`,
    ],
  ],
};

const COMMAND: Chapter = {
  title: "Command",
  body: [
    `What follows "--" behind an ADDRESS is a command with its arguments. It
starts as soon as no message can be missed any more. It has the standard input of
sub; what it prints goes to standard error, as standard output is for messages.
Without --count, --timeout and an exit word, sub ends when the command ends.`,
    `If sub has got the messages of --count or an exit word, it waits for the end
of the command, and its own exit code is 0. A command that fails before that ends
sub, with the exit code of the command. At the end of --timeout and at SIGTERM the
command gets SIGTERM; at SIGINT and SIGHUP a second later, if it still runs.
  sub -C 1 -W 5 reply -- pub request 'who is there'`,
  ],
};

const SLOW: Chapter = {
  title: "Slow subscribers",
  body: [
    `A FIFO drops nothing: when it is full, publishers wait until somebody reads,
or until their --timeout.`,
    `A topic must not stop because one subscriber does. What a subscriber has not
read waits in its pipe (64 KiB), and then in the publisher, which reads no more
than 128 KiB ahead. When the subscriber takes nothing for --slow-timeout, 1 second
by default, the publisher drops what waits, for that subscriber alone. From then
on nothing waits for it until it reads again, so it delays the others once. A
group is one subscriber.`,
    `Both sides are told. pub says on standard error whom it drops messages for,
and at the end how many; its exit code stays 0. The subscriber is told the number
before its next message: sub says it on standard error, --json has it as "missed",
and with --strict-delivery sub ends with code 4. A publisher that ends while the
subscriber still does not read can tell only its own standard error.`,
    `A broker decides itself what it keeps for a slow subscriber.`,
  ],
};

/** Which files there are: behind the environment, as in any man page. */
export const FILES: Chapter = {
  title: "Files",
  body: [
    `The bus, which holds the topics of this machine, is a folder. Publishers and
subscribers meet only if they use the same one; "pub -v" and "sub --list" say
which it is. The first of these that applies:`,
    [
      "$FIFOBUS_DIR",
      `The folder that you chose. The folder above it has to be
there.`,
    ],
    [
      "$XDG_RUNTIME_DIR/fifobus",
      `The folder of a login session, which the system removes at logout.`,
    ],
    [
      "/run/user/UID/fifobus",
      `If XDG_RUNTIME_DIR is not set and the user has such
a folder, so that cron, ssh and sudo find the same bus.`,
    ],
    ["/tmp/fifobus-UID", `Everywhere else.`],
    `It has mode 700, unless --mode says otherwise; a folder that somebody else
could change is refused. In it are:`,
    [
      "FILTER@ID",
      `The FIFO of a subscriber, percent-encoded, with one name for
each filter, and FILTER@+GROUP that of a group. The subscriber removes it at its
end. If it was killed, the next publisher or subscriber does.`,
    ],
    [
      "retained/TOPIC",
      `The last value of a topic, as "pub --retain" published it.
An empty value removes the file.`,
    ],
    `Beside a FIFO is its queue file:`,
    [
      ".NAME.queue",
      `For the FIFO NAME: it says which reader has the turn, and
holds messages that a reader took and did not handle, for the next reader. The last
reader removes it if it is empty. Do not change it. Where it cannot be beside the
FIFO, it is in the folder of the bus.`,
    ],
  ],
};

const EXIT_WORD: Chapter = {
  title: "Exit word",
  body: [
    `The message "exit" ends the sub that gets it from a FIFO, with code 0. It is not
printed, and what is behind it stays in the FIFO. Each reader of a FIFO needs an
"exit" of its own. --exit-word chooses another word, and --no-exit-word none: use
it wherever every message counts.`,
    `On topics and at brokers "exit" is a message as any other, because everybody
who subscribes would end. There --exit-word makes a word end this subscriber.`,
  ],
};

const VALUES: Chapter = {
  title: "Values",
  body: [
    `The dashboards and alarms look for values in messages. A plain message has one,
a JSON object has one for each member, nested members by their path
("ENERGY.Power"), and so do lines of the text format of Prometheus.`,
    [
      "numbers",
      `"21.5", "-3", "1,234.5", "21,5", "6e23", alone or with a unit behind
them: "21.5 kWh", "40%", "412 ppm CO2". A comma with three digits behind it
separates thousands, any other one is the decimal point. What is not a quantity is
text: "404 Not Found", "192.168.1.1", a date, an integer of more than 15 digits.`,
    ],
    [
      "states",
      `"on", "open", "online", "true", "yes", "up", "connected", "active",
"running", "locked", "detected" and "home", and their opposites, in any case.`,
    ],
    ["text", `Everything else.`],
    `Of several values the first of these leads, and those of one kind in the order
of the message: the value that --value chooses; the member "value", or "state" if it
is a number; power; a temperature; a state of a switch, a contact or a detector;
another number; another state; what tells about the device, as battery, link
quality, uptime, counters and set points. Identifiers, times and sequence numbers
never lead: then the message is text.`,
    `The unit is the one behind the number, or the member "unit",
"unit_of_measurement" or one like "TempUnit"; else the name of the member stands
for it. Minimum, mean, maximum and chart start anew when it changes.`,
  ],
};

const ALARMS: Chapter = {
  title: "Alarms",
  body: [
    `RULE is a topic filter, a comparison and a limit, as "warehouse/+/temperature>30",
or a filter and a time, as "warehouse/+/door silent 60s". Quote it for the shell. It
watches each topic that the filter matches.`,
    [
      ">, >=, <, <=",
      `The number is greater or less than the limit, a decimal number
such as "30", "-18.5" or "1e3". With "until 28" behind it, a raised alarm ends only
at that number: "a/t > 30 until 28" does not flicker around 30.`,
    ],
    [
      "=, !=",
      `The number is the limit, or another one; or the text in quotes.`,
    ],
    [
      "silent TIME",
      `No message has come for TIME. A topic without wildcards counts from
the start, so it is silent even if it has never had a message.`,
    ],
    [
      "for TIME",
      `Behind a comparison: the alarm is raised only when it has held for TIME
without a break.`,
    ],
    [
      "FILTER#PATH",
      `Looks at a member of JSON messages: "zigbee/+#temperature>30". Without a
path, a rule looks at the value that leads; see VALUES. A "#" at the start or behind
a slash is always the wildcard, so a path behind that one has another:
"site/##temperature>30".`,
    ],
    `A value that is not a number raises no alarm of a number, and ends one. A message
without the member changes nothing.`,
  ],
};

const PUB_SIGNALS: Chapter = {
  title: "Signals",
  body: [
    `SIGINT, SIGTERM and SIGHUP end pub at once. Messages that it has not written
yet are not sent. A reader drops a message of which only a part was written, and
reports it.`,
    `With --from, pub first stops reading, gives the messages under way 2 seconds,
and puts the others back into their FIFO. A second signal ends it at once.`,
  ],
};

const SUB_SIGNALS: Chapter = {
  title: "Signals",
  body: [
    [
      "SIGINT, SIGTERM, SIGHUP",
      `sub takes no more messages, gives those that it
has not handled back to the FIFO, removes its names from the bus, and ends by the
same signal. If the reader of its output is stuck, it waits 1 second. Commands of
--exec may go on for --grace; Ctrl-C and a closed terminal reach them as well, and
what they did not do goes back. A second signal ends sub at once.`,
    ],
    [
      "SIGUSR2",
      `With --record and --keep, sub saves what is kept as FILE.saved-TIME,
and goes on. Otherwise this signal ends sub.`,
    ],
    [
      "SIGTSTP (Ctrl-Z)",
      `sub leaves the FIFO to the other readers before it
stops. Messages to topics wait; see SLOW SUBSCRIBERS.`,
    ],
    [
      "SIGSTOP",
      `Nobody can prepare for it: the other readers of the FIFO wait if
sub had the turn.`,
    ],
    [
      "SIGKILL",
      `Costs at most the messages that sub had taken and not handled. A
part of a message is never taken for a message.`,
    ],
    `When the reader of standard output leaves, sub ends with code 0. What it could
not print goes back to the FIFO.`,
  ],
};

/** The full texts of the exit codes. */
export const EXIT_TEXTS: Readonly<Record<string, string>> = {
  0: `Success, also with help or the version, when the reader of standard output
has left, when messages to a topic were dropped, and when a command of --exec has
failed without --strict.`,
  1: `Something could not be done. One line on standard error says what, where and
why.`,
  2: `The arguments are wrong, or an address or an environment variable.`,
  3: `pub: nobody reads the FIFO or subscribes to the topic, with --no-wait; or
nobody is there to answer, with --reply.`,
  4: `sub: messages were missed, with --strict-delivery.`,
  124: `--timeout ran out, as in timeout(1). pub: nobody took the message, not
enough subscribers came, or not enough answers. sub: no message came for that
long. Both: the broker could not be reached.`,
  129: `Ended by SIGHUP: the terminal was closed.`,
  130: `Ended by SIGINT: Ctrl-C.`,
  143:
    `Ended by SIGTERM. A shell reports these three as 128 and the number of the
signal.`,
};

/** The full texts of the environment variables. */
export const ENVIRONMENT_TEXTS: Readonly<Record<string, string>> = {
  FIFOBUS_DIR: `The folder of the bus; see FILES.`,
  XDG_RUNTIME_DIR: `Without FIFOBUS_DIR, the folder that holds the folder of the
bus. The default is /run/user/UID if the user has it.`,
  FIFOBUS_MQTT_USER:
    `The user name at a broker, if neither the address nor --user
has one.`,
  FIFOBUS_MQTT_PASSWORD: `The password at a broker, if neither the address nor
--password-file has one.`,
  NO_COLOR: `If set, "--color auto" means never.`,
  TERM: `If it is "dumb", --dashboard prints lines as --verbose does.`,
  LANG: `The character set of the terminal, unless LC_ALL or LC_CTYPE is set. If
it is not UTF-8, --dashboard uses ASCII only.`,
  FIFOBUS_TOKEN: `The default of --token.`,
  FIFOBUS_MAX_SIZE: `The default of --max-size, such as "64k".`,
  FIFOBUS_SLOW_TIMEOUT: `The default of --slow-timeout, such as "500ms" or
"inf".`,
};

/** The chapters that docs/reference.md has, too. */
export const REFERENCE_CHAPTERS: readonly Chapter[] = [
  ADDRESSES,
  ARGUMENTS,
  COMMAND,
  SLOW,
  EXIT_WORD,
  VALUES,
  ALARMS,
  { ...PUB_SIGNALS, title: "Signals to pub" },
  { ...SUB_SIGNALS, title: "Signals to sub" },
  FILES,
];

/** The manual of each program. */
export const MANUALS: Readonly<Record<string, Manual>> = {
  pub: {
    synopsis: [
      "[OPTION]... ADDRESS [MESSAGE]...",
      "[OPTION]... --keyed [ADDRESS]",
      "[OPTION]... --json-lines [ADDRESS]",
      "[OPTION]... --replay [FILE]...",
      "[OPTION]... --from ADDRESS ADDRESS",
    ],
    description: [
      `pub publishes messages to ADDRESS: a named pipe (FIFO), a topic of this
machine, or a topic of an MQTT broker. Several MESSAGE arguments are one message,
joined by spaces. Without any, each line of standard input is a message; on a
terminal pub asks for each message.`,
      `A message is any text or bytes without a newline; --null allows newlines as
well. Each message arrives whole and once, and those of one pub arrive in order.
pub ends when its messages are in the pipe of each reader, or at the broker.`,
    ],
    options: PUB_FULL,
    chapters: [
      ADDRESSES,
      ARGUMENTS,
      SLOW,
      {
        title: "Exit word",
        body: [
          `The message "exit" ends the sub that gets it from a FIFO, unless that has
--no-exit-word. On topics and at brokers it is a message as any other.
  pub /tmp/mypipe exit`,
        ],
      },
      PUB_SIGNALS,
    ],
    introductions: {},
    examples: [
      [
        `Send a message to a named pipe, and wait until a program reads it:`,
        `pub /tmp/mypipe hello`,
      ],
      [
        `Publish a temperature, and keep it for subscribers that come later:`,
        `pub --retain warehouse/a1/temperature 21.5`,
      ],
      [
        `Publish each line that a program prints:`,
        `sensor | pub -l warehouse/a1/temperature`,
      ],
      [
        `Forward all topics of the warehouse to a broker, until a signal comes:`,
        `pub --from 'warehouse/#' mqtt://broker.example.org/site1`,
      ],
      [
        `Publish once more what sub --record kept, ten times as fast:`,
        `pub --replay --speed 10 night.json`,
      ],
      [
        `Ask a question, and print the first answer that comes within 2 seconds:`,
        `pub --reply --timeout 2 warehouse/a1/door 'open?'`,
      ],
      [
        `Do something else if nobody reads the pipe within 2 seconds:`,
        `pub --timeout 2 /tmp/mypipe hello || echo nobody there`,
      ],
    ],
  },
  sub: {
    synopsis: [
      "[OPTION]... ADDRESS... [-- COMMAND...]",
      "--list [OPTION]... [ADDRESS]...",
      "--publishers [OPTION]... [ADDRESS]...",
      "--topics [OPTION]... [ADDRESS]...",
    ],
    description: [
      `sub prints the messages of each ADDRESS, one on a line: of named pipes
(FIFOs), topics of this machine, and topics of MQTT brokers. It reads up to 24
FIFOs at a time. Instead of printing messages it can run commands (--exec), keep
them in a file (--record), or show topics in the terminal (--dashboard) or on a
web page (--serve).`,
      `To a pipe or a file a message goes byte for byte. On a terminal, control
characters are shown, not obeyed. A subscriber to a topic first gets the last
values of the topics that match, as far as publishers have kept any.`,
      `Several subs on one FIFO share its messages. Each gets whole messages, and
leaves what it does not handle to the others. A message from a broker may hold
newlines; --null, --json and --format tell where it ends.`,
    ],
    options: SUB_FULL,
    chapters: [
      ADDRESSES,
      ARGUMENTS,
      COMMAND,
      SLOW,
      EXIT_WORD,
      VALUES,
      ALARMS,
      SUB_SIGNALS,
    ],
    introductions: {
      Format: `These directives of FORMAT stand for a part of the message.
Everything else is printed as it is. Control characters of a message are made
visible on a terminal.`,
      "Environment of a command":
        `A command of --exec has the environment of sub, and besides:`,
    },
    examples: [
      [
        `Print the messages of a named pipe, until one of them is "exit":`,
        `sub /tmp/mypipe`,
      ],
      [
        `Print all temperatures and alarms, each with its topic:`,
        `sub -v 'warehouse/+/temperature' 'alarm/#'`,
      ],
      [
        `Print all messages to topics, each with its time:`,
        `sub -F '%I %t: %p' '#'`,
      ],
      [
        `Keep the last ten minutes in memory; SIGUSR2 saves them:`,
        `sub --record "$XDG_RUNTIME_DIR/last" --keep 10m '#'`,
      ],
      [
        `Wait for one message, at most 5 seconds:`,
        `sub -C 1 -W 5 reply || echo no answer`,
      ],
      [
        `Listen, then ask, and wait for the answer:`,
        `sub -C 1 -W 5 reply -- pub request 'who is there'`,
      ],
      [
        `List all topics that have messages within a minute:`,
        `sub --topics -W 60`,
      ],
      [
        `Show each alarm on the desktop:`,
        `sub --exec 'notify-send "$(cat)"' 'alarm/#'`,
      ],
      [`Tell who subscribes on this machine:`, `sub --list`],
      [
        `Show the warehouse in the terminal, and mark what is too warm:`,
        `sub --dashboard --alarm 'warehouse/+/temperature>30' 'warehouse/#'`,
      ],
      [
        `Run a command when a pump says nothing for a minute, and when it does again:`,
        `sub --alarm 'pump/+ silent 60s' --on-alarm ./call.sh 'pump/+'`,
      ],
      [
        `Show it on a web page, at http://127.0.0.1:8080/:`,
        `sub --serve 8080 'warehouse/#'`,
      ],
    ],
  },
};
