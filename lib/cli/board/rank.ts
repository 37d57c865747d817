/**
 * Chooses which of several values of a message stands for it.
 *
 * @module
 */

/** The classes of values; the first class that a message has leads. */
export const RANK = {
  /** Chosen on the command line. */
  chosen: 0,
  /** The member `value` or a number called `state`; plain text. */
  value: 1,
  /** A number called power, as a plug sends it. */
  power: 2,
  temperature: 3,
  /** A switch, a contact, a detector. */
  state: 4,
  /** Another number. */
  number: 5,
  /** Another state. */
  flag: 6,
  /** How the device is: battery, signal, uptime, counters, settings. */
  device: 7,
  text: 8,
  /** Which message it is: identifiers, times, sequence numbers. */
  label: 9,
} as const;

/** A class of values. */
export type Rank = typeof RANK[keyof typeof RANK];

const LABELS = words(
  "id uid uuid mac ieee time timestamp ts tst date datetime unixtime epoch " +
    "seq seqno sequence index version ver port",
);

const DEVICE = words(
  "counter count cnt battery batt bat vbat linkquality lqi link rssi snr " +
    "signal uptime heap sleep channel ttl interval acc vac accuracy precision " +
    "calibration setpoint target threshold limit min max minimum maximum " +
    "device timer countdown wifi mqtt restarts reboots boot tamper update " +
    "factor total transition outage sensitivity brightness",
);

const STATE = words(
  "state contact occupancy presence motion leak smoke gas door window output " +
    "ison relay lock switch open opening on power status online alarm vibration",
);

const POWER = words("power apower watt watts wattage");
const TEMPERATURE = words("temperature temp celsius fahrenheit kelvin");

function words(text: string): Set<string> {
  return new Set(text.split(" "));
}

/** The ranks of names that we have seen; devices repeat their names. */
const known = new Map<string, Rank>();
const MAX_KNOWN = 10_000;

/**
 * Returns the class of a value.
 *
 * @param path The members of the object that lead to it.
 * @param value The value: a number, a state, or neither for text.
 * @param hasBattery Whether a battery is beside it: then a voltage is of that.
 * @returns Its class.
 */
export function rankOf(
  path: readonly string[],
  value: { number?: unknown; state?: boolean },
  hasBattery = false,
): Rank {
  const kind = value.number ? "n" : value.state === undefined ? "t" : "s";
  const key = `${kind}${Number(hasBattery)}${path.join(".")}`;
  let rank = known.get(key);
  if (rank !== undefined) return rank;
  rank = computeRank(path, kind, hasBattery);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, rank);
  return rank;
}

function computeRank(
  path: readonly string[],
  kind: "n" | "s" | "t",
  hasBattery: boolean,
): Rank {
  const name = path.at(-1)!;
  const lower = name.toLowerCase();
  if (kind === "t") return RANK.text;
  if (path.length === 1 && lower === "value") return RANK.value;
  const own = tokensOf(name);
  const all = path.flatMap(tokensOf);
  const has = (tokens: string[], set: Set<string>) =>
    tokens.some((it) => set.has(it));
  if (has(own, LABELS)) return RANK.label;
  const isDevice = has(all, DEVICE) &&
    !(path.length === 1 && lower === "total");
  if (kind === "n") {
    if (isDevice || hasBattery && has(own, words("voltage"))) {
      return RANK.device;
    }
    if (path.length === 1 && lower === "state") return RANK.value;
    if (has(own, POWER)) return RANK.power;
    const isColor = has(own, words("color colour"));
    const isTemperature = has(own, TEMPERATURE) || /^t[CFK]$/.test(name);
    if (isTemperature && !isColor) return RANK.temperature;
    return RANK.number;
  }
  if (isDevice) return RANK.device;
  return has(own.map((it) => it.replace(/\d+$/, "")), STATE)
    ? RANK.state
    : RANK.flag;
}

/** Cuts a name into words: `UptimeSec`, `uptime_sec`, `tC`. */
function tokensOf(name: string): string[] {
  return name.replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2").toLowerCase()
    .split(/[^\p{L}\p{N}]+/u);
}
