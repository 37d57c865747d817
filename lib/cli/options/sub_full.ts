/**
 * The full texts of the options of `sub`.
 *
 * @module
 */
import { COMMON_FULL, type FullTexts } from "./full.ts";
import { MQTT_FULL } from "./mqtt_full.ts";
import type { OPTIONS } from "./sub.ts";

/** The texts. */
export const SUB_FULL: FullTexts<typeof OPTIONS> = {
  count:
    `Ends with code 0 after N messages, counted over all addresses. Messages
that --filter-out leaves out do not count. A FIFO keeps the other messages for its
next reader, so a loop gets them all.
  while job=$(sub -C 1 --no-exit-word /tmp/jobs); do ./work.sh "$job"; done`,
  timeout:
    `Ends with code 124 when no message has come for TIME. Each message starts the time again, and
while commands of --exec keep sub busy it does not run. With a broker, sub also
keeps trying to connect and to subscribe for TIME; by default it tries once.
  sub -C 1 -W 5 reply || echo no answer`,
  "exit-word": `Ends with code 0 at a message that is exactly TEXT, on topics as
well as on FIFOs. It is not printed. A FIFO keeps the messages behind it. A last
value never ends sub. By default the word is "exit", on FIFOs only.`,
  "no-exit-word": `Prints the message "exit" of a FIFO as any other. It is for
programs that have to get every message.`,
  ready: `Writes a newline to FILE as soon as no message can be missed any more.
FILE is made if it is not there; what it has is kept. For a FIFO sub waits until
somebody reads it. A supervisor that gives a pipe as descriptor 3 gets the
newline through "/dev/fd/3".
  mkfifo ready; sub --ready ready news > log & read -r _ < ready`,
  "filter-out": `Leaves out messages to topics that match FILTER, which may have
wildcards. The option can be repeated.
  sub -v -T 'warehouse/+/debug' 'warehouse/#'`,
  "no-retained": `Does not start with the last values of the topics.`,
  "retained-only": `Prints the last values of the topics that match, and ends. A
group ("$share") gets no last values.`,
  changes:
    `Leaves out a message that is the same, byte for byte, as the last one of
its topic that was let through. With --every or --settle it compares what those
let through. It remembers 64 MiB of topics and messages; a topic that it had
to forget, the one that changed least recently, is printed again.
  sub -v --changes 'warehouse/+/door'`,
  every:
    `Lets through at most one message of a topic in TIME: TIME after the first
message that is held back, the last one that came until then. --count counts
what is let through, --timeout waits for what arrives. It holds back 64 MiB of
topics and messages; with more, those that wait longest come sooner. When sub
ends, it first prints what it holds back, also at a signal.
  sub -v --every 1s 'motor/#'`,
  settle:
    `Lets through the last message of a topic when the topic has been quiet
for TIME, and none while messages keep coming. With --exec that is one command
after each burst. It holds back 64 MiB, as --every does. When sub ends, it first
handles what it holds back; at a signal no command starts, and sub tells how many
messages that were.
  sub --settle 500ms --exec make src/changed`,
  list:
    `Prints who subscribes to the topics of this machine, one subscription on
a line: the filter, the process id, since when, and the command, with tabs in
between and "-" for what is not known. With an ADDRESS, it lists only the
subscriptions that a message to that topic would reach, or those to exactly that
filter. For a FIFO it
prints the path; "waiting" if a sub waits there, "open" if some program has the
FIFO open, "-" if nobody reads it; and how many messages wait in the queue file,
their bytes, and since when. With --json each line is an object.
  sub --list warehouse/a1/temperature`,
  publishers: `Prints the programs that have the inbox of a subscriber open for
writing, one subscription on a line: the filter, the process id of the subscriber,
that of the publisher, and the publisher's command. Such a program has published
to the subscriber and still runs, as pub --lines or a bridge does. An inbox has a
line for each filter of its process, whichever it was opened for. With an ADDRESS
it lists as --list does; for a FIFO, the programs that have it open for writing.
It sees the processes that /proc shows: on Linux only, and those of the same
user. With --json each line is an object.
  sub --publishers 'warehouse/#'`,
  topics:
    `Listens for the TIME of --timeout, 5 seconds by default, and prints a line for
each topic that had a message in that time or has a last value: how many messages
came, messages and bytes a second, the age of the last message, and the message.
The lines are sorted by topic. Without an ADDRESS it listens to all topics of
this machine. A topic that has a message a minute needs a TIME of some minutes.
The age of a last value is known for this machine only. A signal ends it earlier,
with what came until then. With --json each line is an object with the members
"topic", "messages", "rate", "bytes_per_second", "age" in seconds, "retained",
"length", and "message" or "base64": the first 4096 bytes of the message.
  sub --topics -W 60 'warehouse/#'`,
  verbose: `Prints the topic, or the path of the FIFO, and a tab before each
message. Of a broker's messages, those with a tab in the topic are left out and
reported. So are those with a newline in the message, or a NUL with --null, which
also plain output leaves out.`,
  keyed: `The same as --verbose, under the name that "pub --keyed" has.`,
  format: `Prints FORMAT for each message, and a newline after it, or a NUL byte
with --null. For the directives see FORMAT.
  sub -F '%I %t: %p' '#'`,
  json: `Prints each message as an object on a line, with the members "topic",
"time" (of arrival), "sequence" (1 for the first message), "retained", "length"
in bytes and "message". If messages were missed before it, "missed" is their
number. A request has "reply_to". A message of a broker has "qos" and, if they
came with it, "properties", an object, "content_type" and "expiry" in seconds. A
name that came several times has an array of values. A message that is not UTF-8
has "base64" instead of "message".`,
  parse:
    `With --json, prints a message that is itself JSON as it is, instead of a
string; not if it is nested more than 250 levels deep, which other programs may
not read.`,
  raw: `Prints the bytes of the messages and nothing else: no newline, and on a
terminal no control characters made visible.
  sub --raw -C 1 camera/last > picture.jpg`,
  null:
    `Reads and prints messages that end with a NUL byte instead of a newline,
so that they can hold newlines. Publishers to a FIFO need --null, too. A
subscriber of a topic with --null gets the messages of all publishers; all
members of a group use it, or none.
  sub --null notes | while IFS= read -r -d '' note; do echo "$note"; done`,
  color:
    `Prints topics in color: "always", "never", or with "auto" on a terminal
unless NO_COLOR is set. The default is auto. It goes with --verbose, --keyed or
--dashboard.`,
  stats: `Reports once a second on standard error how many messages and bytes
have arrived. At the end it reports the total, and the ten topics with the most
messages if there are several.`,
  record: `Adds each message to FILE as a line of JSON, as --json prints it, and
prints nothing, unless an option such as --verbose says what. Lines are written
whole. A FIFO gets back the messages that are not recorded. When the disk is full,
sub says so and waits for room: messages wait as for any slow subscriber, and the
record has the number of those that were missed.
  sub --record night.json 'warehouse/#'`,
  rotate: `Begins a new part of the record at SIZE, such as "100M", or when the
part is older than TIME, such as "1h". The parts are FILE.000000001 and so on: their
names sort, and a restart goes on with the next number. "pub --replay FILE" knows
them.
  sub --record log --rotate 1h --keep 24 '#'`,
  keep: `Removes old parts of the record, so that N remain, or those of the last
TIME ("10m"), for which --rotate is a tenth of it by default. The signal SIGUSR2
saves what is kept as FILE.saved-TIME, without a copy. If the disk is full, sub
says so once and removes the oldest parts early.
  sub --record "$XDG_RUNTIME_DIR/last" --keep 10m '#'`,
  fsync: `Writes what has come to the disk (fdatasync) before sub takes more
messages. It costs speed, and keeps the record through a power failure.`,
  exec:
    `Runs CMD with sh(1) for each message instead of printing it. The message
is on the standard input of CMD, without a newline at its end. The environment of
CMD has the topic; see ENVIRONMENT OF A COMMAND. A command that fails is reported,
and sub goes on; see --retry, --failed and --strict. A FIFO keeps the messages for
which no command is free yet.
  sub --exec 'mail -s "$FIFOBUS_TOPIC" you@example.org' 'alarm/#'`,
  jobs: `Runs up to N commands of --exec at a time. The default is 1, which
handles the messages in order.`,
  retry: `Runs a command of --exec that fails up to N times more. The default is
0. The next attempt starts at once.`,
  failed:
    `Publishes a message whose command has failed for good to ADDRESS, as it
is. Without this option the message is only reported. If ADDRESS is a FIFO, the
message waits there until somebody reads it. On a topic it is lost if nobody
subscribes. If ADDRESS is at a broker, the options for MQTT apply to that connection,
too; "-failed" is added to --client-id.
  sub --exec ./work.sh --retry 3 --failed /tmp/failed /tmp/jobs`,
  strict: `Ends with code 1 when a command of --exec has failed for good. A FIFO
keeps the messages behind it. Without this option a failed command does not
change the exit code.`,
  grace: `How long the running commands of --exec and --on-alarm may go on after
a signal that ends sub. Then they get SIGTERM, and messages that --exec did not
finish go back to the FIFO. The default is 10 seconds; with "inf" there is no limit.`,
  respond: `Publishes what CMD prints as the answer to a request, without the
newlines at its end. A command that fails answers nothing. For a message that is
not a request, the output goes to standard output.
  sub --exec 'read -r n; echo $((2 * n))' --respond double`,
  dashboard: `Shows a table of topics in the terminal: the last message, its
value, the rate and the age. For the keys see KEYS OF --DASHBOARD. If standard
output is not a terminal, or if TERM is "dumb", it prints as --verbose does. With
a locale that is not UTF-8, it uses ASCII only. It excludes options about
printing; --serve can be given as well.
  sub --dashboard --alarm 'warehouse/+/temperature>30' 'warehouse/#'`,
  serve: `Shows the topics on a web page at PORT of this machine; with 0, at a
port that is free. Standard error has the address. "/api/topics" is the same as
JSON, "/events" has each message as a server-sent event, "/metrics" is for
Prometheus. Every user of this machine can read the page unless --token is given.
With HOST, for example "0.0.0.0:8080", other machines reach it, and --token is
needed. With "unix:/run/board.sock" the page is at a socket in the file system,
for a proxy; see --serve-mode. Up to 100 pages and programs can read messages.
  sub --serve 8080 'warehouse/#'`,
  alarm: `Raises an alarm for the topics for which RULE holds; see ALARMS. The
dashboards mark them. Without a dashboard, sub prints a line instead of messages
when an alarm is raised or ends: "alarm" or "ok", the topic, the value and the
rule, with tabs between. The option can be repeated.
  sub --alarm 'warehouse/+/temperature > 30 for 10s' 'warehouse/#'`,
  "on-alarm":
    `Runs CMD with sh(1) when an alarm is raised, and again when it ends;
see ENVIRONMENT OF --ON-ALARM. CMD runs once at a time for each alarm, and at
most once a second: an alarm that comes and goes meanwhile is put together. Up to
4 commands run at a time. At its end sub waits for them, after a signal for the time of --grace. While --dashboard has the
screen, what CMD prints is dropped.
  sub --alarm 'a/t>30' --on-alarm 'echo "$FIFOBUS_ALARM" >> log' a/t`,
  "alarm-to":
    `Publishes a message when an alarm is raised or ends: a JSON object
with "topic", "path", "value", "rule", "alarm" and "time". ADDRESS is a topic, a
topic of a broker, or a FIFO. At most one message a second is published for each
alarm.
  sub --alarm 'a/t>30' --alarm-to alarm/a a/t`,
  value: `Shows the member PATH of JSON messages to topics that match FILTER as
their value; see VALUES. Members of members are separated by dots:
"tele/+/SENSOR#ENERGY.Power". Alarms without a path look at that member, too. The
option can be repeated.
  sub --dashboard --value 'zigbee/+#humidity' 'zigbee/#'`,
  history:
    `How many messages a page of --serve lists when it is opened, from 1 to
100000. The default is 1000.`,
  token: `Serves the page only to browsers and programs that send TEXT: as
"?token=TEXT" in the address, or as "Authorization: Bearer TEXT". The default is
FIFOBUS_TOKEN. Without a value, sub makes up a token, and prints the address that
has it. The "=" is part of the option. Other users can see the arguments of a
program, but not its environment.`,
  "serve-cert":
    `Encrypts the page of --serve with the certificate in FILE, in PEM
with the certificates of the authorities behind it. --serve-key goes with it.
  sub --serve 0.0.0.0:8443 --token --serve-cert c.pem --serve-key k.pem '#'`,
  "serve-key": `The private key of the certificate of --serve-cert, in PEM.`,
  "serve-mode":
    `The permissions of the socket that --serve makes at "unix:PATH", in
octal. Who may write to the socket may see the page. The default is 600.`,
  origin:
    `The URL of the page for browsers, if a proxy gives it another name than
the one that sub listens at. The server answers to that name, and sub prints the
URL at its start. With --token the server answers to every name.
  sub --serve 8080 --origin https://board.example/ 'warehouse/#'`,
  writable: `Lets programs and the pages of this server publish on the bus:
"POST /topics/NAME" publishes the body of the request, with "?retain" also as the
last value. Pages of another site cannot. With --token, only who has it can; else
every user of this machine can.
  sub --serve 8080 --writable 'warehouse/#'`,
  www:
    `Serves the files in DIR at "/www/", beside the page: pages of your own that
use "/events" and "/topics/NAME". Hidden files and links that lead out of DIR are
left out.
  sub --serve 8080 --www panel 'warehouse/#'`,
  mode: `The permissions of a FIFO or a bus folder that sub makes, in octal; the
umask does not change them. The default is 600 for a FIFO and 700 for the bus. It
is also how much you trust others: sub refuses a FIFO that another user has made
in a shared folder such as /tmp, and a bus that others may write to, unless MODE
lets others write. Users who share a bus all give the same MODE: 1777, or 2770
for a group.`,
  "strict-delivery": `Ends with code 4 when a publisher has dropped messages for
this subscriber, before the first message behind the gap. It is for topics; see
SLOW SUBSCRIBERS. Without this option sub tells how many were missed, and goes
on.`,
  "max-size":
    `Ends with code 1 at a message that is longer than BYTES, after the
messages before it. That message is lost; a FIFO keeps what is behind it. The
default is FIFOBUS_MAX_SIZE, or 1M. The limit keeps an endless line from filling
the memory.`,
  "no-local": `Leaves out messages that this sub has published itself: the
answers of --respond, if they go to a topic that matches. It needs MQTT 5, and is
not for groups ("$share").`,
  "retain-as-published":
    `Gets messages as they were published: "retained" of --json, "%r"
and FIFOBUS_RETAINED then say of new messages, too, whether they are to be kept as
the last value. Otherwise they say it of last values only. It needs MQTT 5.`,
  "retain-handling":
    `When the broker sends the last values: with 0 each time that
sub starts, with 1 only if the session of --persistent is new, with 2 never, as
--no-retained. The default is 0. It needs MQTT 5.`,
  ...MQTT_FULL,
  ...COMMON_FULL,
};
