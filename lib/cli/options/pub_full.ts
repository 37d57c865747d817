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
  from:
    `Forwards the messages of ADDRESS until a signal ends pub. The option can
be repeated, for addresses of the same kind: all FIFOs, all topics of this
machine, or all topics of one broker. The target replaces the topic levels before
the first wildcard: in the example "warehouse/a1/door" becomes "site1/a1/door".
Last values stay last values. Two such bridges in opposite directions send
nothing in circles, if the broker speaks MQTT 5. A signal gives waiting messages 2 seconds more; then a FIFO
gets its messages back, and others are lost and reported.
  pub --from 'warehouse/#' mqtt://broker.example.org/site1`,
  "queue-bytes": `How much may wait in memory while the target of --from takes
nothing, for example because the broker is away. The default is 8M. A message
counts 200 bytes more than its length. When the buffer is full, a FIFO is not
read any further; messages of topics and brokers are dropped and reported.`,
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
--reply. With a broker, pub tries to connect for TIME; by default it tries once.
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
