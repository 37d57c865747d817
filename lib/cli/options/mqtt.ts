/**
 * What both programs take for MQTT, as data.
 *
 * @module
 */
import type { OptionTable } from "./table.ts";
import type { Section } from "./usage.ts";
import { choice, file, text } from "./values.ts";

const MQTT = "MQTT";

/** The schemes that have certificates. */
const SECURE = ["mqtts", "wss"];

/** The options of both programs for `mqtt://` and its like. */
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
    help: "who connects",
  },
  "password-file": {
    takes: file,
    only: "mqtt",
    group: MQTT,
    help: "a file whose first line is the password",
  },
  ca: {
    takes: file,
    only: "mqtt",
    schemes: SECURE,
    group: MQTT,
    help: "the certificates of those that are trusted",
  },
  cert: {
    takes: file,
    needs: "key",
    only: "mqtt",
    schemes: SECURE,
    group: MQTT,
    help: "our certificate",
  },
  key: {
    takes: file,
    needs: "cert",
    only: "mqtt",
    schemes: SECURE,
    group: MQTT,
    help: "its private key",
  },
  insecure: {
    only: "mqtt",
    schemes: SECURE,
    excludes: ["ca"],
    group: MQTT,
    help: "trust any certificate of the broker",
  },
  "client-id": {
    takes: text,
    only: "mqtt",
    group: MQTT,
    help: "our name for the broker [a random one]",
  },
  persistent: {
    only: "mqtt",
    needs: "client-id",
    group: MQTT,
    help: "the broker keeps the session while we are away",
  },
  "will-topic": {
    takes: text,
    only: "mqtt",
    needs: "will-message",
    group: MQTT,
    help: "where the broker says that we are gone",
  },
  "will-message": {
    takes: text,
    only: "mqtt",
    needs: "will-topic",
    group: MQTT,
    help: "what it says then",
  },
  "will-retain": {
    only: "mqtt",
    needs: "will-topic",
    group: MQTT,
    help: "and keeps as the last value",
  },
  "ws-path": {
    takes: text,
    only: "mqtt",
    schemes: ["ws", "wss"],
    group: MQTT,
    help: "the path of ws:// and wss:// [/mqtt]",
  },
} satisfies OptionTable;

/** The environment variables for brokers: no option shows a password. */
export const MQTT_ENVIRONMENT: Section["rows"] = [
  ["FIFOBUS_MQTT_USER", "the default of --user"],
  ["FIFOBUS_MQTT_PASSWORD", "the password, without --password-file"],
];
