/**
 * The promises of FIFOs and topics, all at once; longer: `deno task chaos --seconds 600`.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { chaos } from "./chaos/chaos.ts";

Deno.test("chaos: nothing is lost, joined, cut, doubled or out of order", async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  for (const report of await chaos(20, seed)) {
    const { arena, lost, broken, doubled, reordered, details } = report;
    const seen = { arena, broken, doubled, reordered };
    assertEquals(
      seen,
      { arena, broken: 0, doubled: 0, reordered: 0 },
      [
        `seed ${seed}`,
        ...details,
      ].join("\n"),
    );
    assert(report.messages > 100, `${arena}: ${report.messages} messages`);
    // A killed reader loses the messages that it had taken, at most a full FIFO.
    // On topics, only the other subscribers are checked.
    const killed = arena === "topics" ? 0 : report.ended.SIGKILL ?? 0;
    const most = killed * 64 * 1024 / 30;
    assert(lost <= most, `seed ${seed}: ${lost} lost\n${details.join("\n")}`);
  }
});
