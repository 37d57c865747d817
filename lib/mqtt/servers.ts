/**
 * The servers of a broker: a cluster has several, and its address names them.
 *
 * @module
 */

/**
 * Splits the broker of an address into its servers.
 *
 * @param broker Its scheme, hosts and ports: `mqtt://a:1883,b:1884`.
 * @returns Each server: `mqtt://a:1883`, `mqtt://b:1884`.
 */
export function serversOf(broker: string): string[] {
  const [scheme, hosts] = broker.split("://");
  return hosts!.split(",").map((host) => `${scheme}://${host}`);
}
