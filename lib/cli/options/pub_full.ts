/**
 * The full texts of the options of `pub`.
 *
 * @module
 */
import { COMMON_FULL, type FullTexts } from "./full.ts";
import { MQTT_FULL } from "./mqtt_full.ts";
import type { OPTIONS } from "./pub.ts";

/** The texts. */
export const PUB_FULL: FullTexts<typeof OPTIONS> = {
  lines: `Publishes each line of standard input as a message, also if standard
input is a terminal, where pub would otherwise ask for each message. The last
line needs no newline. It excludes --file and --stdin-message, and there can be
no MESSAGE.
  sensor | pub -l warehouse/a1/temperature`,
  tee: `Copies standard input to standard output, byte for byte, and publishes
each line on the side. Subscribers can come and go; each one starts with a whole
line. They never hold the pipeline up: if more than 8 MiB wait for them, or a
pipeline is faster than 32 MiB a second for long, lines are dropped, and their
number is reported at the end. When the reader of the output leaves, pub ends with code 0. If it cannot publish, it says so, copies
on, and ends with code 1.
  producer | pub --tee debug/raw | consumer`,
  file: `Publishes each line of FILE as a message, and ends. FILE can also be a
device or a pipe. On a terminal pub shows how far it is.`,
  "stdin-message": `Publishes all of standard input as one message. A newline at
its end is not part of the message, except with --null. On a FIFO or a topic of
this machine, the message can hold newlines only with --null.`,
  "null-message": `Publishes one empty message. With --retain it clears the last
value of a topic. An empty MESSAGE argument does the same.`,
  keyed: `Reads lines of a topic, a tab and a message, as "sub --keyed" prints
them, and publishes each message to its topic. There is no ADDRESS, or that of a
broker: its topic then comes before each topic. The first line that is wrong ends
pub with code 1, after the lines before it were published.
  sub --keyed 'in/#' | sed -u 's|^in/|out/|' | pub --keyed`,
  "json-lines": `Reads lines of JSON, as "sub --json" prints them, and publishes
their messages byte for byte: the members "message" or "base64", "topic",
"retained" and "reply_to" count. A "message" that is not a string is published as
JSON. Without an ADDRESS each message goes to its topic; a FIFO or a topic as
ADDRESS gets all of them; the topic of a broker's ADDRESS comes before each topic.
A byte order mark (U+FEFF) at the start, as programs of Windows write it, is left
out. A line that cannot be published is reported with its number, and pub goes
on; then it ends with code 1.
  jq -c 'select(.length < 100)' night.json | pub --json-lines`,
  from:
    `Forwards the messages of ADDRESS until a signal ends pub. The option can
be repeated, for addresses of the same kind: all FIFOs, all topics of this
machine, or all topics of one broker. The target replaces the topic levels before
the first wildcard: in the example "warehouse/a1/door" becomes "site1/a1/door".
Last values stay last values. Two such bridges in opposite directions send
nothing in circles, if the broker speaks MQTT 5. A signal gives waiting messages 2 seconds more; then a FIFO
gets its messages back, and others are lost and reported.
  pub --from 'warehouse/#' mqtt://broker.example.org/site1`,
  spool:
    `Writes each message to FILE, and removes it when the broker says that it
has it. What is left there when pub ends, is killed, or the machine loses power,
is sent by the next run with the same FILE, before anything else. One pub uses a
FILE at a time, and makes it with permissions 600. It needs --qos 1 or 2; a
message that was on its way when pub was killed is sent again, with both. A bridge
and lines wait for the broker as long as it takes, unless --timeout says otherwise;
a single message fails with code 1, and the next run sends it.
  pub --from 'warehouse/#' --qos 1 --spool ~/site1.spool mqtt://broker.example.org/site1`,
  "queue-bytes":
    `How much may wait in memory, or in the file of --spool, while the target of --from takes
nothing, for example because the broker is away. The default is 8M. In memory
a message counts 200 bytes more than its length. A file can be twice as long as
this. When there is no room, a FIFO, standard input, and the broker of a
--persistent session are not read any further; other messages are dropped and
reported.`,
  null:
    `Ends each message with a NUL byte instead of a newline, on the way and in
the input, so that messages can hold newlines. The subscribers need --null, too.
A subscriber of a topic that reads without it misses the messages that hold a
newline. MESSAGE arguments can hold newlines, but no NUL.`,
  json: `Refuses a message that is not valid JSON. In an input of several lines,
the first such line ends pub with code 1, after the lines before it were
published. At the prompt, pub tells you and asks again.`,
  "max-size":
    `Refuses a message that is longer than BYTES, and ends with code 1,
after the lines before it were published. The default is FIFOBUS_MAX_SIZE, or 1M.
The subscribers have a limit of their own.`,
  replay: `Publishes what "sub --record" or "sub --json" kept in files, with the
pauses between the messages as they were. All arguments are files, and "-" or none
is standard input. A FILE that was recorded in parts means all its parts. A name
that ends with ".gz" is that of a gzip file. Where the clock was set back in the
record, there is no pause. When pub was stopped (Ctrl-Z), or held up for more than
a tenth of a second, it goes on with the pauses that are left. A last line that is
incomplete is reported and left out; for other bad lines see --json-lines.
  pub --replay --speed 10 --filter 'warehouse/#' night.json`,
  to:
    `Publishes all messages of --replay to ADDRESS, which is a FIFO or a topic.
The topic of a broker comes before each topic of the record.
  pub --replay --to mqtt://broker.example.org/test night.json`,
  speed:
    `Divides the pauses of --replay by N: 2 is twice as fast, 0.5 half as fast.
With "max" there are no pauses. The default is 1.`,
  loop: `Starts --replay again at the end of the last file, until a signal ends
pub.`,
  since: `Leaves out the messages of --replay that came before TIME: a date
("2026-11-23"), a date and a time ("2026-11-23 15:00", local, or
"2026-11-23T15:00:00Z"), or a time after the first message ("90s", "1h").`,
  until: `Leaves out the messages of --replay that came at TIME or later; see
--since.`,
  filter: `Publishes only the messages of --replay to topics that match FILTER,
which may have wildcards. The option can be repeated.`,
  prefix:
    `Puts TOPIC and a slash before each topic, so that a replay is not taken
for what happens now.
  pub --replay --prefix replay night.json`,
  retain:
    `Also keeps the message as the last value of its topic. Subscribers that
come later get it first. An empty message clears the value. It is for topics and
brokers, as a FIFO keeps its messages anyway.
  pub --retain warehouse/a1/temperature 21.5`,
  repeat: `Publishes the same message N times in all, at once or with --interval
in between. The message is an argument or comes from --stdin-message or
--null-message.`,
  interval:
    `How long to wait between two repetitions of --repeat. By default pub
does not wait.`,
  rate: `Publishes at most N messages a second, for example 100 or 0.5. After a
delay it makes up for at most a tenth of a second.`,
  reply:
    `Publishes the message as a request, prints the first N answers, each on
a line, and ends. The default is 1. The "=" is part of the option: "--reply=3". If
nobody subscribes to the topic of this machine, pub ends at once with code 3;
--wait waits for a subscriber. If fewer than N answers come within --timeout, 5
seconds by default, it prints those and ends with code 124. A broker has to speak
MQTT 5. "sub --respond" answers.
  pub --reply --timeout 2 warehouse/a1/door 'open?'`,
  mode: `The permissions of a FIFO or a bus folder that pub makes, in octal; the
umask does not change them. The default is 600 for a FIFO and 700 for the bus. It
is also how much you trust others: pub refuses a FIFO that another user has made
in a shared folder such as /tmp, and a bus that others may write to, unless MODE
lets others write. Users who share a bus all give the same MODE: 1777, or 2770
for a group.`,
  wait:
    `Waits before the first message until the topic has N living subscribers.
The default is 1. The "=" is part of the option: "--wait=3". The members of a group
count as one. Without --timeout pub waits as long as it takes.`,
  "no-wait": `Fails at once with code 3 if nobody reads the FIFO, or if nobody
subscribes to the topic. Without it, pub waits for a reader of the FIFO; to a
topic without subscribers a message is dropped, with code 0.`,
  timeout:
    `Gives up with code 124. On a FIFO, each message waits at most TIME for
a reader, or for one that has stopped reading; the default is no limit. For a
topic, TIME limits the wait for subscribers or answers, and goes with --wait or
--reply. With a broker, pub tries to connect for TIME; by default it tries once. Then each
message waits at most TIME for the broker to take it; those of a bridge wait on.
  pub --timeout 2 /tmp/mypipe hello || echo nobody there`,
  "slow-timeout":
    `How long a message to a topic waits for a subscriber that does
not read, before it is dropped for that subscriber; see SLOW SUBSCRIBERS. With 0
it never waits, with "inf" it waits without end and drops nothing. The default is
FIFOBUS_SLOW_TIMEOUT, or 1 second.`,
  verbose: `Tells on standard error which folder is the bus, and at the end how
many messages were published, to how many subscribers, and how many of them
nobody got.`,
  quiet: `Does not report dropped messages, progress, or what pub waits for.
Errors are still reported, and the exit code is the same. It excludes --verbose.`,
  property:
    `Adds a user property to each message. The option can be repeated, also
with the same NAME. NAME and VALUE have at most 65,535 bytes each. "sub --json"
and "%P" of "sub -F" show properties. If the connection has MQTT 3.1.1, which has
no properties, pub ends with code 1.
  pub --property unit=C --property place=a1 mqtt://localhost/temperature 21.5`,
  "content-type":
    `Says what the messages are, for example "application/json". It
needs MQTT 5, as --property does.`,
  expiry:
    `Lets the broker drop a message that a subscriber has not got after TIME;
a last value ends then, too. MQTT counts whole seconds. It needs MQTT 5, as
--property does.
  pub --retain --expiry 10m mqtt://localhost/door open`,
  ...MQTT_FULL,
  init:
    `Prints functions for SHELL, which is bash, zsh or sh: "pub", "sub_open",
"sub_read" and "sub_close". With them a script publishes and subscribes without
starting a program for each message. The function "pub" hands over to this
program what a shell cannot do.
  eval "$(pub --init bash)"`,
  ...COMMON_FULL,
};
