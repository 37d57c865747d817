/** Prints messages with the library, up to so many at a time. */
import { Subscriber } from "../../mod.ts";

const [path, max] = Deno.args;
const subscriber = await Subscriber.open(path!);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => subscriber.end());
}
for (let messages; (messages = await subscriber.read(Number(max)));) {
  const lines = messages.map(({ text }) => `${text}\n`).join("");
  let rest = new TextEncoder().encode(lines);
  while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
}
await subscriber.close();
Deno.exit(0);
