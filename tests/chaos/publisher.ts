/** Publishes each line of standard input with the library. */
import { TextLineStream } from "jsr:@std/streams@1.1.2/text-line-stream";
import { Publisher } from "../../mod.ts";

await using publisher = await Publisher.open(Deno.args[0]!);
const lines = Deno.stdin.readable
  .pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
await lines.pipeTo(publisher.writable);
