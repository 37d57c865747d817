/**
 * The order in which people expect topics: sensor2 before sensor10. The server
 * sends the text of this function to the page, so it uses nothing else.
 *
 * @module
 */

/**
 * Compares two topics. Numbers in them count as numbers, and what is below a
 * topic comes before topics that only start with its name, so that all topics
 * of a branch are together.
 *
 * @param a A topic.
 * @param b Another one.
 * @returns A number below 0, 0, or above 0.
 */
export function compareTopics(a: string, b: string): number {
  const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
  let at = 0;
  while (at < a.length && at < b.length) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x === y && !isDigit(x)) at++;
    else if (isDigit(x) && isDigit(y)) {
      const digits = (text: string) => {
        let end = at;
        while (isDigit(text.charCodeAt(end))) end++;
        return text.slice(at, end);
      };
      const [one, other] = [digits(a), digits(b)];
      const significant = (text: string) => text.replace(/^0+(?=.)/, "");
      const [short, long] = [significant(one), significant(other)];
      const order = short.length - long.length ||
        (short < long ? -1 : Number(short > long)) ||
        one.length - other.length;
      if (order !== 0) return order;
      at += one.length;
    } else {
      // Before all other characters.
      const slash = 0x2f;
      return x === slash ? -1 : y === slash ? 1 : x - y;
    }
  }
  return a.length - b.length;
}
