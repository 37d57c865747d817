/**
 * The full texts of the options for MQTT.
 *
 * @module
 */
import type { FullTexts } from "./full.ts";
import type { MQTT_OPTIONS } from "./mqtt.ts";

/** The texts. */
export const MQTT_FULL: FullTexts<typeof MQTT_OPTIONS> = {
  qos: `The quality of service between this program and the broker. With 0 a
message arrives at most once: it is lost if the connection breaks. With 1 it
arrives at least once, with 2 exactly once. The default is 0. A subscriber gets a
message with the lower of its own quality and the publisher's.`,
  user: `The name to log in with. A name in the address comes first:
mqtt://USER@HOST/TOPIC. The default is FIFOBUS_MQTT_USER.`,
  "password-file": `Reads the password to log in with from the first line of
FILE. The default is FIFOBUS_MQTT_PASSWORD. No option takes the password itself,
because every user of the machine can see the arguments of a program; for the
same reason, do not write it into the address.`,
  ca: `Trusts brokers whose certificate was issued by one of the authorities in
FILE, which is in PEM format. It is for mqtts:// and wss://, and excludes
--insecure.`,
  cert: `Logs in with the client certificate in FILE, which is in PEM format. It
is for mqtts:// and wss://, and goes with --key.`,
  key: `The private key of the certificate of --cert, in PEM format.`,
  insecure: `Accepts any certificate of the broker, whoever issued it. The
connection is encrypted, but somebody in between could read and change
everything. It is for mqtts:// and wss://, for tests.`,
  "client-id": `The name of this client at the broker, which allows each name
once: it disconnects a client when another one comes with its name. The default
is a random one.`,
  persistent: `Asks the broker to keep the session while this program is not
connected: the subscriptions, and the messages of QoS 1 and 2 that match them.
The next run with the same --client-id, which is needed, gets these messages. A
message is acknowledged only when it was handled, so "sub -C 1" leaves the other
messages with the broker.`,
  "session-expiry":
    `How long the broker keeps the session of --persistent after the
connection has ended. The default is for ever. MQTT counts whole seconds. It needs
MQTT 5: if the connection has MQTT 3.1.1, the program ends with code 1.
  sub --persistent --client-id a1 --session-expiry 1h --qos 1 mqtt://localhost/a`,
  "will-topic":
    `The topic of the last will: the message of --will-message, which
the broker publishes if this program disappears without disconnecting. The
quality of service is that of --qos. A bridge between two brokers leaves it at
that of the ADDRESS.`,
  "will-message": `The text of the last will. It goes with --will-topic.`,
  "will-retain": `Makes the last will the last value of its topic, so that later
subscribers get it, too. It goes with --will-topic.`,
  "mqtt-version":
    `Speaks this version of MQTT to the broker, and no other. The default
is "5, else 3.1.1": 3.1.1 with a broker that refuses 5, or hangs up at it. Requests,
properties of messages, and some options need 5.`,
  "ws-path":
    `The path on the server, for ws:// and wss:// addresses. The default
is "/mqtt".`,
};
