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
keeps trying to connect for TIME; by default it tries once.
  sub -C 1 -W 5 reply || echo no answer`,
  "exit-word": `Ends with code 0 at a message that is exactly TEXT, on topics as
well as on FIFOs. It is not printed. A FIFO keeps the messages behind it. A last
value never ends sub. By default the word is "exit", on FIFOs only.`,
  "no-exit-word": `Prints the message "exit" of a FIFO as any other. It is for
programs that have to get every message.`,
  "filter-out": `Leaves out messages to topics that match FILTER, which may have
wildcards. The option can be repeated.
  sub -v -T 'warehouse/+/debug' 'warehouse/#'`,
  "no-retained": `Does not start with the last values of the topics.`,
  "retained-only": `Prints the last values of the topics that match, and ends. A
group ("$share") gets no last values.`,
  list:
    `Prints who subscribes to the topics of this machine, one subscription on
a line: the filter, the process id, and since when, with tabs in between. With an
ADDRESS, it lists only the subscriptions to exactly that filter. For a FIFO it
prints the path; "waiting" if a sub waits there, "open" if some program has the
FIFO open, "-" if nobody reads it; and how many messages wait in the queue file,
their bytes, and since when. With --json each line is an object.
  sub --list /tmp/jobs`,
  verbose: `Prints the topic, or the path of the FIFO, and a tab before each
message.`,
  keyed: `The same as --verbose, under the name that "pub --keyed" has.`,
  format: `Prints FORMAT for each message, and a newline after it, or a NUL byte
with --null. For the directives see FORMAT.
  sub -F '%I %t: %p' '#'`,
  json: `Prints each message as an object on a line, with the members "topic",
"time" (of arrival), "sequence" (1 for the first message), "retained", "length"
in bytes and "message". If messages were missed before it, "missed" is their
number. A request has "reply_to". A message that is not UTF-8 has "base64"
instead of "message".`,
  parse:
    `With --json, prints a message that is itself JSON as it is, instead of a
string.`,
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
have arrived, and the total at the end.`,
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
subscribes. If ADDRESS is at a broker, only the address itself can have a user
and a password.
  sub --exec ./work.sh --retry 3 --failed /tmp/failed /tmp/jobs`,
  strict: `Ends with code 1 when a command of --exec has failed for good. A FIFO
keeps the messages behind it. Without this option a failed command does not
change the exit code.`,
  grace: `How long the running commands of --exec may go on after a signal that
ends sub. Then they get SIGTERM, and what they did not finish goes back to the
FIFO. The default is 10 seconds; with "inf" there is no limit.`,
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
4 commands run at a time. At its end sub waits for them. While --dashboard has the
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
  ...MQTT_FULL,
  ...COMMON_FULL,
};
