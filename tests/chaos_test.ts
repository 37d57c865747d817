/**
 * The promises of FIFOs and topics, all at once; longer: `deno task chaos --seconds 600`.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { chaos, faultOf } from "./chaos/chaos.ts";

Deno.test("chaos: nothing is lost, joined, cut, doubled or out of order", async () => {
  const seed = Date.now() % 1_000_000;
  for (const report of await chaos(8, seed)) {
    const details = report.details.join("\n");
    assertEquals(faultOf(report), undefined, `seed ${seed}\n${details}`);
  }
});
