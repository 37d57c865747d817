/**
 * The options of both programs for MQTT, as data.
 *
 * @module
 */
import type { OptionTable } from "./table.ts";
import type { Section } from "./usage.ts";
import { choice, file, lifetime, text } from "./values.ts";

/** The heading of options for brokers. */
export const MQTT = "MQTT";

/** The schemes that use certificates. */
const SECURE = ["mqtts", "wss"];

/** The options of both programs for `mqtt://` and the other MQTT schemes. */
export const MQTT_OPTIONS = {
  qos: {
    takes: choice("N", ["0", "1", "2"]),
    only: "mqtt",
    group: MQTT,
    help: "at most once, at least once, or exactly once [0]",
  },
  user: {
    takes: text,
    only: "mqtt",
    group: MQTT,
    help: "user name",
  },
  "password-file": {
    takes: file,
    only: "mqtt",
    group: MQTT,
    help: "read the password from the first line of FILE",
  },
  ca: {
    takes: file,
    only: "mqtt",
    schemes: SECURE,
    group: MQTT,
    help: "trust the CAs in FILE",
  },
  cert: {
    takes: file,
    needs: "key",
    only: "mqtt",
    schemes: SECURE,
    group: MQTT,
    help: "client certificate",
  },
  key: {
    takes: file,
    needs: "cert",
    only: "mqtt",
    schemes: SECURE,
    group: MQTT,
    help: "private key of the client certificate",
  },
  insecure: {
    only: "mqtt",
    schemes: SECURE,
    excludes: ["ca"],
    group: MQTT,
    help: "accept any certificate of the broker",
  },
  "client-id": {
    takes: text,
    only: "mqtt",
    group: MQTT,
    help: "client id [a random one]",
  },
  persistent: {
    only: "mqtt",
    needs: "client-id",
    group: MQTT,
    help: "keep the session while not connected",
  },
  "session-expiry": {
    takes: lifetime,
    only: "mqtt",
    needs: "persistent",
    group: MQTT,
    help: "keep the session for TIME only [for ever]",
  },
  "will-topic": {
    takes: text,
    only: "mqtt",
    needs: "will-message",
    group: MQTT,
    help: "topic of the last will",
  },
  "will-message": {
    takes: text,
    only: "mqtt",
    needs: "will-topic",
    group: MQTT,
    help: "message of the last will",
  },
  "will-retain": {
    only: "mqtt",
    needs: "will-topic",
    group: MQTT,
    help: "retain the last will",
  },
  "mqtt-version": {
    takes: choice("VERSION", ["3.1.1", "5"]),
    only: "mqtt",
    group: MQTT,
    help: "speak only 3.1.1 or 5 [5, else 3.1.1]",
  },
  "ws-path": {
    takes: text,
    only: "mqtt",
    schemes: ["ws", "wss"],
    group: MQTT,
    help: "path of ws:// and wss:// [/mqtt]",
  },
} satisfies OptionTable;

/** The variables for brokers. No option takes a password, as others see it. */
export const MQTT_ENVIRONMENT: Section["rows"] = [
  ["FIFOBUS_MQTT_USER", "the default of --user"],
  ["FIFOBUS_MQTT_PASSWORD", "the password, without --password-file"],
];
