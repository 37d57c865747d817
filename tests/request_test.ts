/**
 * Requests and their answers, through the library.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertRejects } from "jsr:@std/assert@1.0.19/rejects";
import {
  FifobusError,
  type Message,
  publish,
  request,
  requestAll,
  type RequestOptions,
  Subscriber,
} from "../mod.ts";
import { ownBus } from "./harness/bus.ts";
import { eventually, type Process, type TestBus } from "./harness/process.ts";

const PUBLISH = new URL("../examples/topics/publish.sh", import.meta.url);

/** Answers in plain shell: reads its inbox, writes to the reply topic. */
const SHELL = `
us=$(printf '\\037') tab=$(printf '\\t')
mkdir -p -m 700 "$FIFOBUS_DIR" && cd "$FIFOBUS_DIR" && mkfifo .sh
exec 3<>.sh
mv .sh "$1@sh"
while IFS="$tab" read -r topic message <&3; do
  sh "$0" "\${topic#*$us}" "\${topic%$us*} $message"
done`;

/** Answers every request until it is closed. */
async function responder(
  topic: string,
  answer: (message: Message) => Promise<void>,
): Promise<Subscriber> {
  const subscriber = await Subscriber.open(topic);
  (async () => {
    for await (const message of subscriber) await answer(message);
  })();
  return subscriber;
}

/** A responder in shell that is there. */
async function shellResponder(bus: TestBus, topic: string): Promise<Process> {
  const process = bus.sh(SHELL, PUBLISH.pathname, topic);
  await eventually(() => bus.namesOf(topic).some((it) => it.endsWith("@sh")));
  return process;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, FifobusError);
  return (error as FifobusError).code;
}

function left(bus: TestBus): string[] {
  return [...Deno.readDirSync(bus.env.FIFOBUS_DIR!)].map(({ name }) => name);
}

Deno.test("request() gets the answer of Message.reply(), and leaves nothing behind", async () => {
  await using bus = ownBus();
  {
    await using _double = await responder(
      "double",
      (message) => message.reply(`${2 * Number(message.text)}`),
    );
    const answer = await request("double", "21");
    assertEquals([answer.text, answer.replyTo], ["42", undefined]);
    assert(answer.topic.startsWith("$reply/"), answer.topic);
    assertEquals(bus.names().length, 1);
  }
  assertEquals(left(bus), []);
});

Deno.test("request() in quick succession gets every answer", async () => {
  await using _bus = ownBus();
  await using _echo = await responder(
    "echo",
    (message) => message.reply(message.text),
  );
  for (let i = 0; i < 100; i++) {
    assertEquals((await request("echo", `${i}`)).text, `${i}`);
  }
});

Deno.test("requests of one process at the same time get their own answers", async () => {
  await using bus = ownBus();
  await using _echo = await responder("echo", async (message) => {
    // The first ones are answered last.
    if (Number(message.text) < 10) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await message.reply(message.text);
  });
  const texts = Array.from({ length: 20 }, (_, i) => `${i}`);
  const answers = await Promise.all(texts.map((it) => request("echo", it)));
  assertEquals(answers.map(({ text }) => text), texts);
  assertEquals(bus.names().length, 1);
});

Deno.test("requestAll() iterates over the answers of all, until the time is over", async () => {
  await using bus = ownBus();
  const names = ["Ada", "Grace", "Edsger"];
  const responders = await Promise.all(
    names.map((name) => responder("who", (message) => message.reply(name))),
  );
  await using shell = await shellResponder(bus, "who");
  const answers = requestAll("who", "is there?", { timeoutMs: 1000 });
  const texts = await Array.fromAsync(answers, ({ text }) => text);
  assertEquals(texts.sort(), [...names, "who is there?"].sort());
  for await (const _ of requestAll("who", "is first?")) break;
  for (const subscriber of responders) await subscriber.close();
  shell.kill("SIGKILL");
});

Deno.test("requestAll() hands out answers that came in time, even to a slow loop", async () => {
  await using _bus = ownBus();
  await using _two = await responder("two", async (message) => {
    await message.reply("1");
    await message.reply("2");
  });
  const answers = requestAll("two", "", { timeoutMs: 300 });
  assertEquals((await answers.next()).value!.text, "1");
  await new Promise((resolve) => setTimeout(resolve, 400));
  assertEquals(await Array.fromAsync(answers, ({ text }) => text), ["2"]);
});

Deno.test("request() without a responder fails with no_reader at once, or waits if asked to", async () => {
  await using bus = ownBus();
  assertEquals(await codeOf(request("echo", "x")), "no_reader");
  // A subscriber that was killed has left its names.
  await using dead = await bus.sub("echo");
  dead.kill("SIGKILL");
  await dead.ended();
  assertEquals(bus.names().length, 1);
  assertEquals(await codeOf(request("echo", "x")), "no_reader");
  await publish("echo", "finds it dead");
  const limited = request("echo", "x", { wait: true, timeoutMs: 30 });
  assertEquals(await codeOf(limited), "timed_out");
  const asked = request("echo", "x", { wait: 2 });
  const echo = (message: Message) => message.reply(message.text);
  await using _echo = await responder("echo", echo);
  await using _other = bus.subOnce("echo");
  assertEquals((await asked).text, "x");
});

Deno.test("request() fails with timed_out if nobody answers, even if nobody reads", async () => {
  await using bus = ownBus();
  await using subscriber = await Subscriber.open("deaf");
  const options: RequestOptions = { timeoutMs: 50 };
  assertEquals(await codeOf(request("deaf", "x", options)), "timed_out");
  const [late] = (await subscriber.read())!;
  await late!.reply("to nobody, which is no error");
  await using stopped = await bus.sub("stopped");
  stopped.kill("SIGSTOP");
  const large = request("stopped", "x".repeat(200_000), options);
  assertEquals(await codeOf(large), "timed_out");
});

Deno.test("request() does not wait for a slow responder once another has answered", async () => {
  await using bus = ownBus();
  await using stopped = await bus.sub("size");
  stopped.kill("SIGSTOP");
  await using _size = await responder(
    "size",
    (message) => message.reply(`${message.length}`),
  );
  const started = performance.now();
  const options = { timeoutMs: 60_000 };
  const answer = await request("size", "x".repeat(200_000), options);
  assertEquals(answer.text, "200000");
  assert(performance.now() - started < 30_000);
});

Deno.test("request() gives up when aborted", async () => {
  await using bus = ownBus();
  await using _deaf = await Subscriber.open("deaf");
  const reason = new Error("enough");
  for (const wait of [undefined, 2]) {
    const controller = new AbortController();
    const { signal } = controller;
    const asked = request("deaf", "x", { signal, wait, timeoutMs: 60_000 });
    setTimeout(() => controller.abort(reason), 30);
    assertEquals(await asked.catch((error) => error), reason);
  }
  assertEquals(bus.names().length, 1);
});

Deno.test("a plain shell subscriber answers", async () => {
  await using bus = ownBus();
  await using shell = await shellResponder(bus, "ask");
  assertEquals((await request("ask", "a question")).text, "ask a question");
  shell.kill("SIGKILL");
});

Deno.test("a subscriber to everything sees requests, but no answers", async () => {
  await using bus = ownBus();
  await using all = await bus.sub("--exit-word=exit", "-v", "#", "+/+");
  await using _shell = await shellResponder(bus, "ask");
  assertEquals((await request("ask", "x")).text, "ask x");
  await publish("over", "exit");
  assertEquals(
    (await all.ended()).stdout,
    "ask\tx\n",
  );
});

Deno.test("a request gets its answer while its process leaves other messages unread", async () => {
  await using bus = ownBus();
  await using shell = await shellResponder(bus, "ask");
  await using unread = await Subscriber.open("busy");
  for (let i = 0; i < 1500; i++) await publish("busy", "x");
  assertEquals((await request("ask", "now")).text, "ask now");
  assert((await unread.read())!.length >= 1000);
  shell.kill("SIGKILL");
});

Deno.test("Message.reply() answers with large messages and with line feeds", async () => {
  await using _bus = ownBus();
  await using subscriber = await Subscriber.open("echo", { delimiter: "\0" });
  const large = "x\n".repeat(100_000);
  const asked = request("echo", "many\nlines", { delimiter: "\0" });
  const [message] = (await subscriber.read())!;
  assertEquals(message!.text, "many\nlines");
  assertEquals(await codeOf(message!.reply("a\0b")), "delimiter_in_message");
  const tooLarge = message!.reply(new Uint8Array(2 ** 20 + 1));
  assertEquals(await codeOf(tooLarge), "message_too_large");
  await message!.reply(large);
  assertEquals((await asked).text, large);
});

Deno.test("Message.reply() fails for a message that is not a request, and after close()", async () => {
  await using _bus = ownBus();
  const subscriber = await Subscriber.open("t");
  await publish("t", "plain");
  await publish("t", "wild", { replyTo: "mine" });
  const messages: Message[] = [];
  while (messages.length < 2) messages.push(...(await subscriber.read())!);
  const [plain, asking] = messages;
  assertEquals([plain!.replyTo, asking!.replyTo], [undefined, "mine"]);
  assertEquals(await codeOf(plain!.reply("x")), "not_a_request");
  await subscriber.close();
  assertEquals(await codeOf(asking!.reply("x")), "closed");
});

Deno.test("request() refuses addresses and messages that cannot be a request", async () => {
  await using bus = ownBus();
  await using _subscriber = await Subscriber.open("t");
  const path = await bus.fifo();
  const cases: [attempt: () => Promise<unknown>, code: string][] = [
    [() => request(path, "x"), "bad_address"],
    [() => request("t/+", "x"), "bad_address"],
    [() => publish(path, "x", { wait: false, replyTo: "t" }), "bad_address"],
    [() => publish("t", "x", { replyTo: "t/#" }), "bad_address"],
    [() => request("t", "two\nlines"), "delimiter_in_message"],
    [() => request("t", "12345", { maxBytes: 4 }), "message_too_large"],
  ];
  for (const [attempt, code] of cases) {
    assertEquals(await codeOf(attempt()), code);
  }
});
