/**
 * What the programs of the textbooks lose with four publishers, and what is
 * left of that when fifobus takes the place of one side, or of both.
 *
 * ```sh
 * deno task textbook
 * ```
 *
 * @module
 */
import {
  type Command,
  fifobus,
  isInstalled,
  LANGUAGES,
  prepare,
} from "../../tests/harness/programs.ts";

const PUBLISHERS = 4;
const MESSAGES_EACH = 5000;

const HERE = new URL(".", import.meta.url);

function start([command, ...args]: Command): Deno.ChildProcess {
  const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(command, { args, ...pipes }).spawn();
}

/** Gives a publisher its messages; returns how many it says have failed. */
async function publish(
  publisher: Deno.ChildProcess,
  messages: string,
): Promise<number> {
  const printed = publisher.output();
  const input = publisher.stdin.getWriter();
  await input.write(new TextEncoder().encode(messages));
  await input.close();
  const said = new TextDecoder().decode((await printed).stderr);
  return said.split("\n").length - 1;
}

/** Sends the exit word until it is heard: it may be lost as well. */
async function end(
  command: Command,
  listener: Deno.ChildProcess,
): Promise<void> {
  const ended = listener.status.then(() => "ended");
  for (let is; is !== "ended";) {
    const publisher = start(command);
    const published = publish(publisher, "exit\n");
    is = await Promise.race([ended, published]);
    // It takes a moment to end when it has heard.
    if (is !== "ended") is = await Promise.race([ended, sleep(200)]);
    try {
      publisher.kill();
    } catch {
      // It has ended, as most do.
    }
    await published;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function message(publisher: number, i: number): string {
  return `publisher ${publisher}, message ${i}`;
}

/** Four publishers to one subscriber: what became of their messages. */
async function run(publisher: Command, subscriber: Command) {
  const listener = start(subscriber);
  const heard = new Response(listener.stdout).text();
  const failed = await Promise.all(
    Array.from({ length: PUBLISHERS }, (_, n) => {
      const messages = Array.from(
        { length: MESSAGES_EACH },
        (_, i) => `${message(n, i)}\n`,
      );
      return publish(start(publisher), messages.join(""));
    }),
  );
  await end(publisher, listener);
  const lines = (await heard).split("\n");
  const arrived = new Set(lines.map((line) => line.replace("Received: ", "")));
  const sent = Array.from(
    { length: PUBLISHERS * MESSAGES_EACH },
    (_, i) => message(i % PUBLISHERS, Math.floor(i / PUBLISHERS)),
  );
  // The textbook's subscriber says "Received: " once for all that it read.
  const glued = lines[0]!.startsWith("Received: ")
    ? lines.filter((line) => line.startsWith("publisher")).length
    : 0;
  return {
    sent: sent.length,
    failed: failed.reduce((sum, count) => sum + count),
    arrived: sent.filter((message) => arrived.has(message)).length,
    glued,
  };
}

const [go, python] = [LANGUAGES[0]!, LANGUAGES[1]!];
for (const language of [go, python]) {
  if (await isInstalled(language)) continue;
  console.error(`${language.name} is not installed`);
  Deno.exit(1);
}
const folder = await Deno.makeTempDir({ prefix: "fifobus-textbook-" });
try {
  const textbook = {
    publisher: await prepare(go, HERE, "publisher"),
    subscriber: await prepare(python, HERE, "subscriber"),
  };
  const pub = fifobus("pub.ts", "-l");
  const sub = fifobus("sub.ts");
  const rows: [string, Command, Command][] = [
    ["Go, Python", textbook.publisher, textbook.subscriber],
    ["Go, sub", textbook.publisher, sub],
    ["pub, Python", pub, textbook.subscriber],
    ["pub, sub", pub, sub],
  ];
  console.log(
    `${PUBLISHERS} publishers, ${MESSAGES_EACH} messages each\n\n` +
      "programs        sent   failed vanished    glued",
  );
  for (const [what, publisher, subscriber] of rows) {
    const pipe = `${folder}/${what.replaceAll(/\W+/g, "-")}`;
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const { sent, failed, arrived, glued } = await run(
      [...publisher, pipe],
      [...subscriber, pipe],
    );
    const figures = [sent, failed, sent - failed - arrived, glued];
    const cells = figures.map((figure) => `${figure}`.padStart(9));
    console.log(what.padEnd(11) + cells.join(""));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
