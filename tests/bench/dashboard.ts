/**
 * Ten thousand messages a second, on a dashboard in the terminal and on a page,
 * of 100 topics and of 20,000: `deno task bench:dashboard`. It takes two minutes,
 * tmux and Chromium.
 *
 * @module
 */
import { TestBrowser } from "../harness/browser.ts";
import { commandLine, quoted, TestBus } from "../harness/process.ts";
import { Served } from "../harness/served.ts";
import { Terminal } from "../harness/tmux.ts";
import { median, report, reportMachine } from "./_measure.ts";

const RATE = 10_000;
const SECONDS = Number(Deno.args[0] ?? 60);

/** How many topics there are, and for how long messages come. */
const CASES = [
  { topics: 100, seconds: SECONDS },
  { topics: 20_000, seconds: SECONDS / 3 },
];

/** Times the frames that the browser draws. */
const WATCH_FRAMES = `
  window.frames_ = [];
  let last = performance.now();
  requestAnimationFrame(function next(now) {
    window.frames_.push(now - last);
    last = now;
    requestAnimationFrame(next);
  });
`;

/** The memory of a process, in MiB. */
function memoryOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s*(\d+)/.exec(status)![1]) / 1024;
}

/** How much time a process has had of a processor, in seconds. */
function processorOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`)
    .replace(/.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measure(
  { topics, seconds }: { topics: number; seconds: number },
): Promise<void> {
  const count = Math.round(RATE * seconds / topics) * topics;
  await using bus = new TestBus();
  await using served = await Served.start(bus);
  await using terminal = await Terminal.open(bus.env, 120, 40);
  await using browser = await TestBrowser.start();
  const { page, complaints } = await browser.open(served.url);
  await page.evaluate(WATCH_FRAMES);
  await terminal.run(quoted(commandLine("sub", "--dashboard", "#")));
  await terminal.until((it) => it.includes("no message yet"));

  await using publisher = bus.pub("-l", "--keyed", `--rate=${RATE}`);
  const lines = Array.from(
    { length: count },
    (_, i) => `bench/${i % topics}\t${(i % 1000) / 10}\n`,
  );
  const memory: number[] = [];
  const sampling = setInterval(() => memory.push(memoryOf(served.pid)), 500);
  const started = performance.now();
  await publisher.write(lines.join(""));
  await publisher.end();
  const { stderr } = await publisher.ended();
  const took = (performance.now() - started) / 1000;
  clearInterval(sampling);
  const total = count.toLocaleString("en");
  await page.locator("#counts", { hasText: `${total} messages` }).waitFor();
  const screen = await terminal.until((it) => it.includes(`${total} messages`));
  const counted = await (await served.get("api/topics")).json();
  const frames = await page.evaluate("window.frames_") as number[];
  const heap = await page.evaluate(
    "performance.memory.usedJSHeapSize",
  ) as number;
  const sorted = frames.toSorted((a, b) => a - b);
  report(
    `${total} messages of ${topics.toLocaleString("en")} topics`,
    `${Math.round(count / took)} messages/s`,
  );
  report("said by pub", stderr.trim() || "nothing");
  report(
    "counted by each topic of the page",
    [...new Set(counted.map(({ count }: { count: number }) => count))].join(),
  );
  report("counted by the terminal", /[\d,]+ messages/.exec(screen)![0]);
  const half = memory.length >> 1;
  report(
    "memory of sub --serve, first and second half, median",
    `${median(memory.slice(0, half)).toFixed(0)}, ` +
      `${median(memory.slice(half)).toFixed(0)} MiB`,
  );
  report(
    "processor time of sub --serve",
    `${(100 * processorOf(served.pid) / took).toFixed(0)} %`,
  );
  report("memory of the page's script", `${(heap / 2 ** 20).toFixed(0)} MiB`);
  report(
    "frames of the page, median, 95 and 99 of 100, longest",
    [0.5, 0.95, 0.99, 1].map((part) =>
      `${sorted[Math.ceil(part * sorted.length) - 1]!.toFixed(0)} ms`
    ).join(", "),
  );
  if (complaints.length > 0) report("complaints of the page", complaints[0]!);
  await terminal.type("q");
}

reportMachine();
for (const it of CASES) await measure(it);
