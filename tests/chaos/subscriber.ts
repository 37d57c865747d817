/** Prints messages with the library, up to a number at a time. */
import { Subscriber } from "../../mod.ts";

const [path, max] = Deno.args;
// Listens before it opens the FIFO: publishers write as soon as it is open, and
// these messages would be lost if a signal ended the process just then.
const ended = Promise.withResolvers<void>();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => ended.resolve());
}
const subscriber = await Subscriber.open(path!);
ended.promise.then(() => subscriber.end());
for (let messages; (messages = await subscriber.read(Number(max)));) {
  const lines = messages.map(({ text }) => `${text}\n`).join("");
  let rest = new TextEncoder().encode(lines);
  while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
}
await subscriber.close();
Deno.exit(0);
