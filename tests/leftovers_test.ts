/**
 * Scripts that do not close their Subscribers and Publishers leave nothing behind.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { eventually, finish, Process, sh, TestBus } from "./harness/process.ts";

/** Runs a script with the library. */
async function script(bus: TestBus, body: string): Promise<Process> {
  const path = bus.file("script.ts");
  const library = new URL("../mod.ts", import.meta.url);
  await Deno.writeTextFile(
    path,
    `import { Publisher, Subscriber } from "${library}";\n${body}`,
  );
  const config = new URL("../deno.json", import.meta.url).pathname;
  return new Process(
    [Deno.execPath(), "run", "--config", config, "-A", path],
    bus.env,
  );
}

const ENDS: Record<string, string> = {
  "Deno.exit()": "Deno.exit(3);",
  "an error": 'throw new Error("x");',
  "an error in a timer": 'setTimeout(() => { throw new Error("x"); });',
  "a rejection": 'Promise.reject(new Error("x"));',
};

for (const [what, line] of Object.entries(ENDS)) {
  Deno.test(`a script that ends by ${what} leaves no names, and gives back`, async () => {
    await using bus = new TestBus();
    const pipe = bus.file("pipe");
    await using running = await script(
      bus,
      `
        const topics = await Subscriber.open(["a", "b/#"]);
        const group = await Subscriber.open("$share/g/c");
        const fifo = await Subscriber.open(${JSON.stringify(pipe)});
        console.log("ready");
        for await (const { text } of group) {
          console.log(text);
          break;
        }
        for await (const { text } of fifo) {
          console.log(text);
          break;
        }
        ${line}
      `,
    );
    await running.until("ready\n");
    const jobs = bus.pub("-l", "c");
    await jobs.write("x\ny\nz\n");
    await finish(jobs);
    await running.until("x\n");
    await finish(sh('printf "1\\n2\\n3\\n" > "$0"', pipe));
    await running.until("1\n");
    await running.ended();
    assertEquals(bus.names().filter((name) => !name.startsWith("c@+g")), []);
    const hidden = [...Deno.readDirSync(bus.env.FIFOBUS_DIR!)]
      .filter(({ name }) => name.startsWith(".c@+g"));
    assertEquals(hidden.map(({ name }) => name), [".c@+g.queue"]);
    const rest = await finish(bus.subOnce("-W", "0.1", pipe));
    assertEquals(rest.stdout, "2\n3\n");
    const others = await finish(bus.subOnce("-W", "0.1", "$share/g/c"));
    assertEquals(others.stdout, "y\nz\n");
  });
}

for (
  const [what, line] of [
    ["error", 'setTimeout(() => { throw new Error("x"); });'],
    ["unhandledrejection", 'Promise.reject(new Error("x"));'],
  ] as const
) {
  Deno.test(`a script that handles its own ${what} event loses nothing`, async () => {
    await using bus = new TestBus();
    const pipe = bus.file("pipe");
    await using running = await script(
      bus,
      `
        const topics = await Subscriber.open(["a", "b/#"]);
        const group = await Subscriber.open("$share/g/c");
        const fifo = await Subscriber.open(${JSON.stringify(pipe)});
        const publisher = await Publisher.open("a");
        const handled = new Promise((resolve) =>
          addEventListener("${what}", (event) => {
            event.preventDefault();
            setTimeout(resolve);
          })
        );
        console.log("ready");
        const texts = [];
        for await (const { text } of fifo) {
          texts.push(text);
          if (texts.length === 1) {
            ${line}
            await handled;
            // A publisher finds all of the members now.
            texts.push(await publisher.publish("a"));
            texts.push(await publisher.publish("b", { topic: "b/1" }));
            texts.push(await publisher.publish("c", { topic: "c" }));
          }
          if (text === "3") break;
        }
        for (const it of [topics, topics, group]) {
          texts.push((await it.read(1))[0].text);
        }
        console.log(texts.join());
        for (const it of [topics, group, fifo, publisher]) await it.close();
      `,
    );
    await running.until("ready\n");
    await finish(sh('printf "1\\n2\\n3\\n" > "$0"', pipe));
    const { code, stdout, stderr } = await running.ended();
    assertEquals([code, stdout, stderr], [0, "1,1,1,1,2,3,a,b,c\n", ""]);
    assertEquals(bus.names(), []);
  });
}

for (
  const [when, lines] of [
    [
      "at an error that is handled",
      `Promise.reject(new Error("x"));
       await new Promise((resolve) => setTimeout(resolve));
       await group.close();`,
    ],
    [
      "at an error that is handled while it closes",
      `const closed = group.close();
       Promise.reject(new Error("x"));
       await closed;`,
    ],
    ["at the end of its process", "group.close(); Deno.exit();"],
  ]
) {
  Deno.test(`a member of a group gives messages back once ${when}`, async () => {
    await using bus = new TestBus();
    await using running = await script(
      bus,
      `
      addEventListener("unhandledrejection", (event) => event.preventDefault());
      const group = await Subscriber.open("$share/g/t", { maxBytes: 5 });
      console.log("ready");
      // The messages behind it are taken, but not handed out.
      await group.read().catch(({ code }) => console.log(code));
      ${lines}
    `,
    );
    await running.until("ready\n");
    const publisher = bus.pub("-l", "t");
    await publisher.write("too long\nx\ny\n");
    await finish(publisher);
    assertEquals((await running.ended()).stdout, "message_too_large\n");
    const next = await finish(bus.subOnce("-W", "0.1", "$share/g/t"));
    assertEquals(next.stdout, "x\ny\n");
  });
}

Deno.test("a Subscriber that is not closed keeps its process alive, whatever it reads", async () => {
  await using bus = new TestBus();
  for (const address of ["t", bus.file("pipe"), "$share/g/t"]) {
    await using running = await script(
      bus,
      `
        const subscriber = await Subscriber.open(${JSON.stringify(address)});
        const timer = setTimeout(async () => {
          console.log("still here");
          await subscriber.close();
        }, 200);
        // This timer alone would not keep the process alive.
        Deno.unrefTimer(timer);
      `,
    );
    const { code, stdout } = await running.ended();
    assertEquals([code, stdout], [0, "still here\n"]);
  }
});

Deno.test("a Subscriber whose limit is reached lets its process end", async () => {
  await using bus = new TestBus();
  const pipe = bus.file("pipe");
  await using running = await script(
    bus,
    `
      const one = await Subscriber.open(${JSON.stringify(pipe)}, { limit: 1 });
      console.log("ready");
      console.log((await one.read())[0].text);
    `,
  );
  await running.until("ready\n");
  await finish(bus.pub(pipe, "last"));
  const { code, stdout } = await running.ended();
  assertEquals([code, stdout], [0, "last\n"]);
});

Deno.test("a Subscriber to the last values of a group lets its process end", async () => {
  await using bus = new TestBus();
  await using running = await script(
    bus,
    `
      const nothing = await Subscriber.open("$share/g/t", { retained: "only" });
      console.log(await nothing.read());
    `,
  );
  const { code, stdout } = await running.ended();
  assertEquals([code, stdout], [0, "undefined\n"]);
});

Deno.test("a script that changes its folder stays on its bus", async () => {
  await using bus = new TestBus();
  await using running = await script(
    bus,
    `
      Deno.chdir(${JSON.stringify(bus.path)});
      Deno.env.set("FIFOBUS_DIR", "./bus");
      const subscriber = await Subscriber.open("t");
      const publisher = await Publisher.open("t");
      Deno.chdir("/");
      console.log(await publisher.publish("heard"));
      console.log((await subscriber.read())[0].text);
      await subscriber.close();
      await publisher.close();
    `,
  );
  const { stdout, stderr } = await running.ended();
  assertEquals([stdout, stderr], ["1\nheard\n", ""]);
  assertEquals(bus.names(), []);
});

Deno.test("the next publisher forgets members that were killed", async () => {
  await using bus = new TestBus();
  await using sub = await bus.sub("Warehouse/Door");
  // No file name depends on case.
  assertEquals(
    bus.names().map((name) => name.split("@")[0]),
    ["%57arehouse%2F%44oor"],
  );
  sub.kill("SIGKILL");
  await sub.ended();
  await finish(bus.pub("Warehouse/Door", "x"));
  await eventually(() => bus.names().length === 0);
});

Deno.test("topics that differ only in case, and topics of dots, have separate values", async () => {
  await using bus = new TestBus();
  const topics = ["a/Door", "a/door", ".", "..", ".hidden"];
  for (const topic of topics) {
    const { code, stderr } = await finish(bus.pub("-r", topic, `of ${topic}`));
    assertEquals([code, stderr], [0, ""]);
  }
  const { stdout } = await finish(bus.subOnce("--retained-only", "-v", "#"));
  assertEquals(
    stdout.trimEnd().split("\n").sort(),
    topics.map((topic) => `${topic}\tof ${topic}`).sort(),
  );
});
