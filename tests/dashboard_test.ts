/**
 * The dashboard in a terminal, as a person uses it.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import { assertStringIncludes } from "jsr:@std/assert@1.0.19/string-includes";
import { terminalTest, testSinceDeno27, testWithout } from "./harness/needs.ts";
import {
  commandLine,
  eventually,
  finish,
  inTerminal,
  quoted,
  TestBus,
} from "./harness/process.ts";
import { Terminal, withoutTmux } from "./harness/tmux.ts";

/** A bus, and a terminal with a dashboard on it. */
async function withDashboard(
  args: string[],
  test: (terminal: Terminal, bus: TestBus) => Promise<void>,
): Promise<void> {
  await using bus = new TestBus();
  await using terminal = await Terminal.open(bus.env);
  await terminal.run("echo before");
  const line = quoted(commandLine("sub", "--dashboard", ...args));
  // Too long for the screen, so it must not appear on it.
  await Deno.writeTextFile(bus.file("run"), `${line}\n`);
  await terminal.run(`clear; echo before; . ${bus.file("run")}; echo code $?`);
  await terminal.until((screen) => screen.includes("no message yet"));
  await test(terminal, bus);
}

/** Waits until the screen shows the shell again. */
async function restored(terminal: Terminal, code: number): Promise<string> {
  const screen = await terminal.until((it) => it.includes(`code ${code}`));
  assertStringIncludes(screen, "before");
  assert(!screen.includes("TOPIC"), screen);
  await terminal.run("stty -a");
  await terminal.until((it) => / icanon .* echo /s.test(it));
  return screen;
}

function dashboardTest(
  name: string,
  args: string[],
  test: (terminal: Terminal, bus: TestBus) => Promise<void>,
): void {
  testWithout(withoutTmux, name, () => withDashboard(args, test));
}

const FIELDS =
  /^! warehouse\/a1\/t +31 celsius +[\d.]+ +20 +26 +31 +\S+ +\d+s$/m;

dashboardTest(
  "sub --dashboard shows messages, marks alarms, and follows the size of the terminal",
  ["--alarm=warehouse/+/t>30", "--color=always", "warehouse/#"],
  async (terminal, bus) => {
    await finish(bus.pub("warehouse/a1/t", '{"celsius": 20}'));
    await finish(bus.pub("warehouse/a1/t", '{"celsius": 31}'));
    await finish(bus.pub("warehouse/a2/door", "open\x1b[2J日本語"));
    const screen = await terminal.until((it) =>
      FIELDS.test(it) && it.includes("3 messages")
    );
    assertMatch(screen, /^ fifobus {3}2 topics {3}3 messages, .* 1 alarm$/m);
    assertMatch(screen, /^ {2}warehouse\/a2\/door +open\^\[\[2J日本語 /m);
    const styled = (await terminal.styledScreen()).split("\n");
    const alarmed = styled.find((line) => line.includes("! warehouse"));
    assertStringIncludes(alarmed!, "\x1b[31m");

    await terminal.resize(44, 8);
    await terminal.until((it) => /^! .*a1\/t +31 celsius/m.test(it));
    await terminal.resize(120, 8);
    await terminal.until((it) => /MAX {2}LAST 1m {9}/.test(it));

    // Another program writes over the dashboard.
    await Deno.writeTextFile(await terminal.device(), "\x1b[2J\x1b[1;1Hstray");
    await terminal.until((it) => it.includes("stray"));
    await terminal.press("C-l");
    await terminal.until((it) => !it.includes("stray") && it.includes("quit"));

    await terminal.type("/door");
    await terminal.press("Enter");
    await terminal.until((it) =>
      it.includes("filter: door") && !it.includes("a1/t")
    );
    await terminal.press("Escape");
    await terminal.until((it) => it.includes("a1/t"));

    await terminal.type("p");
    await terminal.until((it) => it.includes("PAUSED"));
    await finish(bus.pub("warehouse/a3/t", "5"));
    await terminal.type("r");
    const paused = await terminal.until((it) => it.includes("RATE/s▼"));
    assert(!paused.includes("a3/t"), paused);
    await terminal.type("p");
    await terminal.until((it) => it.includes("a3/t"));
    await terminal.type("q");
    await restored(terminal, 0);
    await eventually(() => bus.names().length === 0);
  },
);

dashboardTest(
  "Enter shows a topic with its values, a chart and whole messages; Tab a tree",
  ["#"],
  async (terminal, bus) => {
    await terminal.resize(100, 30);
    const message =
      '{"battery":97,"temperature":21.0,"id":12345678901234567890}';
    await finish(bus.pub("site/a/climate", message));
    const bytes = `printf '\\211PNG\\001' | "$0" "$@"`;
    const args = commandLine("pub", "-s", "site/b/picture");
    await using binary = bus.sh(bytes, ...args);
    await binary.ended();
    const list = await terminal.until((it) => it.includes("2 messages"));
    assertMatch(list, /^ {2}site\/a\/climate +21\.0 temperature /m);
    assertMatch(list, /^ {2}site\/b\/picture +binary, 5 bytes /m);
    await terminal.press("Enter");
    const detail = await terminal.until((it) => it.includes("LAST MESSAGES"));
    assertMatch(detail, /▸ temperature +21\.0 temperature +min 21\.0 /);
    assertMatch(detail, /^ +21\.0\d* ┤/m);
    assertStringIncludes(detail, '"id": 12345678901234567890}');
    await terminal.press("Right");
    await terminal.until((it) => /▸ battery +97 battery/.test(it));
    await terminal.press("Escape", "Down", "Enter");
    await terminal.until((it) => it.includes("00000000  89 50 4e 47 01 "));
    await terminal.press("Escape", "Tab");
    await terminal.until((it) => /▾ site\n {4,}a\/climate /.test(it));
    await terminal.type("1");
    await terminal.until((it) => /▸ site +2 topics/.test(it));
    await terminal.type("?");
    await terminal.until((it) => it.includes("KEYS"));
    await terminal.type("q");
    await restored(terminal, 0);
  },
);

dashboardTest(
  "a command of an alarm does not write on the dashboard",
  [
    "--alarm=a>1",
    '--on-alarm=yes NOISE | head -n 50 | tee "$FIFOBUS_DIR/../noise"',
    "a",
    "b",
  ],
  async (terminal, bus) => {
    await finish(bus.pub("a", "2"));
    await eventually(async () =>
      await Deno.readTextFile(bus.file("noise")).catch(() => "") ===
        "NOISE\n".repeat(50)
    );
    await finish(bus.pub("b", "open"));
    const screen = await terminal.until((it) => it.includes("● open"));
    assertMatch(screen, /^! a /m);
    assert(!screen.includes("NOISE"), screen);
    await terminal.type("q");
    await restored(terminal, 0);
  },
);

testWithout(
  withoutTmux,
  "a locale without UTF-8 gets ASCII, and TERM=dumb gets lines",
  async () => {
    await using bus = new TestBus();
    const env = { ...bus.env, LC_ALL: "C" };
    await using terminal = await Terminal.open(env);
    const line = quoted(commandLine("sub", "--dashboard", "#"));
    await Deno.writeTextFile(bus.file("run"), `${line}\n`);
    await terminal.run(`clear; . ${bus.file("run")}`);
    await terminal.until((it) => it.includes("TOPIC^"));
    await finish(bus.pub("door", "OPEN"));
    await terminal.until((it) => /^ {2}door +\* OPEN /m.test(it));
    await terminal.type("q");
    await terminal.until((it) => !it.includes("TOPIC"));
    await terminal.run(`clear; TERM=dumb; export TERM; . ${bus.file("run")}`);
    await eventually(() => bus.names().length > 0);
    await finish(bus.pub("door", "closed"));
    const screen = await terminal.until((it) => it.includes("closed"));
    assert(!screen.includes("TOPIC"), screen);
    await terminal.press("C-c");
    await eventually(() => bus.names().length === 0);
  },
);

dashboardTest(
  "the screen comes back after Ctrl-C, SIGTERM, and the exit word",
  ["--exit-word=exit", "#"],
  async (terminal, bus) => {
    const run = `. ${bus.file("run")}; echo code $?`;
    await terminal.press("C-c");
    // On Ctrl-C, dash also drops the rest of the line.
    await terminal.until((it) => !it.includes("TOPIC"));
    await eventually(() => bus.names().length === 0);
    await terminal.run(`clear; echo before; ${run}`);
    await terminal.until((it) => it.includes("no message yet"));
    const [subscription] = bus.names();
    Deno.kill(Number(/@(\d+)-/.exec(subscription!)![1]), "SIGTERM");
    await restored(terminal, 143);
    await terminal.run(`clear; echo before; ${run}`);
    await terminal.until((it) => it.includes("no message yet"));
    await finish(bus.pub("a", "exit"));
    await restored(terminal, 0);
  },
);

dashboardTest(
  "the screen comes back before an error is printed",
  ["--max-size=1k", "#"],
  async (terminal, bus) => {
    await finish(bus.pub("a/t", "x".repeat(3000)));
    const screen = await restored(terminal, 1);
    assertMatch(
      screen,
      /^sub: Cannot read a message to "a\/t": .* the limit is 1024/m,
    );
  },
);

dashboardTest(
  "the screen comes back when the program crashes",
  ["#"],
  async (terminal, bus) => {
    await terminal.type("q");
    await restored(terminal, 0);
    const crash = bus.file("crash.ts");
    await Deno.writeTextFile(
      crash,
      `const timer = setInterval(() => {
        if (Deno.statSync("${bus.file("now")}").size > 0) throw "boom";
      }, 10);
      // Deno starts the program when its preload has nothing to wait for.
      Deno.unrefTimer(timer);`,
    );
    await Deno.writeTextFile(bus.file("now"), "");
    const [deno, ...rest] = commandLine("sub", "--dashboard", "#");
    rest.splice(1, 0, `--preload=${crash}`);
    await Deno.writeTextFile(bus.file("run"), `${quoted([deno, ...rest])}\n`);
    await terminal.run(
      `clear; echo before; . ${bus.file("run")}; echo code $?`,
    );
    await terminal.until((it) => it.includes("no message yet"));
    await Deno.writeTextFile(bus.file("now"), "!");
    assertStringIncludes(await restored(terminal, 1), "boom");
  },
);

testSinceDeno27(
  "a program may not stop itself",
  "Ctrl-Z gives the screen back until fg",
  () =>
    withDashboard(["#"], async (terminal, bus) => {
      await terminal.press("C-z");
      await terminal.until((it) =>
        /stopped/i.test(it) && it.includes("before")
      );
      await finish(bus.pub("a/t", "5"));
      await terminal.run("fg");
      await terminal.until((it) => /^ {2}a\/t +5 /m.test(it));
      await terminal.type("q");
    }),
  withoutTmux,
);

terminalTest(
  "the dashboard draws ten frames a second at most, however many messages arrive",
  async () => {
    await using bus = new TestBus();
    const env = Object.entries(bus.env).map((it) => it.join("="));
    const args = ["--exit-word=exit", "--dashboard", "#"];
    const command = commandLine("sub", ...args);
    await using dashboard = inTerminal("env", ...env, ...command);
    await dashboard.until("no message yet");
    const started = performance.now();
    await using publisher = bus.pub("-l", "t");
    const lines = Array.from({ length: 100_000 }, (_, i) => `${i}\n`);
    await publisher.write(lines.join("") + "exit\n");
    await publisher.end();
    const { stdout } = await dashboard.ended();
    const seconds = (performance.now() - started) / 1000;
    const frames = stdout.split("\x1b[?2026h").length - 1;
    assert(frames <= 10 * seconds + 1, `${frames}, ${seconds} s`);
  },
);

Deno.test("without a terminal, sub --dashboard prints lines", async () => {
  await using bus = new TestBus();
  await using subscriber = await bus.sub(
    "--exit-word=exit",
    "--dashboard",
    "#",
  );
  await finish(bus.pub("a/t", "21.5"));
  assertEquals(await subscriber.line(), "a/t\t21.5");
  await finish(bus.pub("a/t", "exit"));
  assertEquals((await subscriber.ended()).code, 0);
});
