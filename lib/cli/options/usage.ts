/**
 * The usage text of a program, as data.
 *
 * @module
 */
import type { ForeignOptions, OptionTable } from "./table.ts";
import { choice } from "./values.ts";

/** A table of usage text. */
export interface Section {
  /** Its heading. */
  title: string;
  /** Names and their meanings. */
  rows: readonly (readonly [name: string, meaning: string])[];
}

/** A program, as its usage text describes it. */
export interface Usage<T extends OptionTable = OptionTable> {
  /** The program's name. */
  name: string;
  /** Its purpose, in a few words. */
  purpose: string;
  /** The arguments behind the options. */
  operands: string;
  /** How many operands are addresses, counted from the first operand. */
  addresses: number;
  /** Whether what follows `--` behind an operand is a command. */
  takesCommand?: true;
  /** What it does. */
  summary: string;
  /** Further tables. */
  sections?: Section[];
  /** Command lines to try, the simplest first. */
  examples: string[];
  /** The options that most users need, for `-h`. */
  common: string[];
  /** Environment variables, other than the defaults of options. */
  environment: Section["rows"];
  /** Its options. */
  options: T;
}

/** The heading of options that print something and end. */
export const HELP = "Help";

/** The shells that have completions. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** The options of every program. */
export const COMMON_OPTIONS = {
  completions: {
    takes: choice("SHELL", SHELLS),
    group: HELP,
    help: "print completions for a shell: bash, zsh or fish",
  },
  usage: { short: "h", group: HELP, help: "print the most used options" },
  help: { group: HELP, help: "print all options" },
  version: { short: "V", group: HELP, help: "print the version" },
} satisfies OptionTable;

const TOPIC_HINT = "the topic is the first argument";
const MESSAGE_HINT = "the message follows the topic";
const BROKER_HINT = "the broker is in the address: mqtt://HOST:PORT/TOPIC";

/** Options of mosquitto_pub and mosquitto_sub that have other names here. */
export const MOSQUITTO_OPTIONS: ForeignOptions = {
  "-t": { hint: TOPIC_HINT },
  "--topic": { hint: TOPIC_HINT },
  "-m": { hint: MESSAGE_HINT },
  "--message": { hint: MESSAGE_HINT },
  "-p": { hint: BROKER_HINT },
  "--port": { hint: BROKER_HINT },
  "--host": { hint: BROKER_HINT },
  "-h": { before: /^[^-]/, hint: `-h is for help; ${BROKER_HINT}` },
  "-q": { before: /^[012]$/, hint: "write --qos; a topic 1 is topic:1" },
  "-u": { hint: "write --user" },
  "-P": { hint: "the password is in --password-file" },
  "-i": { hint: "write --client-id" },
  "-D": { hint: "write --property, --content-type or --expiry" },
};

/** Every usage text says this about arguments. */
export const ARGUMENTS_HELP =
  "What follows -- is not an option, and neither is a number such as -18.5.";

/** The environment variables that say where the bus is. */
export const BUS_ENVIRONMENT: Section["rows"] = [
  ["FIFOBUS_DIR", "the folder of the bus"],
  [
    "XDG_RUNTIME_DIR",
    "its folder fifobus is the bus otherwise [/run/user/UID]",
  ],
];
