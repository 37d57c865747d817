/**
 * What the reason codes of a broker mean, and which end a connection for good:
 * MQTT 5, section 2.4; MQTT 3.1.1, table 3.1.
 *
 * @module
 */

const WORDS: Record<number, string> = {
  1: "it does not speak this version of MQTT",
  2: "it does not accept the client id",
  3: "it is not available",
  4: "user name or password are wrong",
  5: "not authorised; a user and a password may help",
  128: "no reason given",
  129: "it got a malformed packet",
  130: "it got a packet against the protocol",
  131: "it does not support something in the packet",
  132: "it does not speak this version of MQTT",
  133: "it does not accept the client id",
  134: "user name or password are wrong",
  135: "not authorised; a user and a password may help",
  136: "it is not available",
  137: "it is busy",
  138: "it has banned this client",
  139: "it shuts down",
  140: "it wants another way of authentication",
  141: "it heard nothing for too long",
  142: "another client uses the same client id",
  143: "it does not accept the topic filter",
  144: "it does not accept the topic",
  145: "packet identifier in use",
  146: "packet identifier not found",
  147: "too many messages at a time",
  148: "it does not accept the topic alias",
  149: "the packet is too large",
  150: "too many messages a second",
  151: "a quota is exceeded",
  152: "its administrator ended the connection",
  153: "it does not accept the format of the message",
  154: "it keeps no last values",
  155: "it does not support this QoS",
  156: "use another server for now",
  157: "the server has moved",
  158: "it has no shared subscriptions",
  159: "too many connections a second",
  160: "the connection has lasted as long as it may",
  161: "it has no subscription identifiers",
  162: "it accepts no wildcards",
};

/** Another try would end alike. */
const FINAL = new Set([
  ...[132, 133, 134, 135, 138, 140, 142, 154, 155, 156, 157, 158, 161, 162],
]);

/** Use another server; the server has moved. */
const ELSEWHERE = new Set([156, 157]);

/** The codes about the user: a name, a password, or a permission. */
const UNAUTHORIZED = new Set([4, 5, 134, 135, 138]);

/**
 * Says what a reason code means.
 *
 * @param code The code.
 * @returns The reason, in words; for an unknown code, its number.
 */
export function reasonFor(code: number): string {
  return WORDS[code] ?? `reason code ${code}`;
}

/** Whether a DISCONNECT with this code is the end: a new connection would not help. */
export function isFinal(code: number): boolean {
  return FINAL.has(code);
}

/** Whether the broker does not accept the user, or what the user does. */
export function isUnauthorized(code: number): boolean {
  return UNAUTHORIZED.has(code);
}

/** Whether another server of the broker may accept what this one does not. */
export function isElsewhere(code: number): boolean {
  return ELSEWHERE.has(code);
}
