// Runs in the browser. The server sends the text of its functions: see page.ts.

/**
 * Returns how many levels of their topics group the cards best: as many as
 * possible, but with three cards in a group on average. 0 is for no groups.
 */
export function groupDepth(topics) {
  const fewest = 60;
  if (topics.length < fewest) return 0;
  let best = 0;
  for (let depth = 1; depth < 8; depth++) {
    const groups = new Set();
    for (const topic of topics) {
      groups.add(topic.split("/").slice(0, depth).join("/"));
    }
    if (groups.size > topics.length / 3) break;
    if (groups.size > 1) best = depth;
  }
  return best;
}
