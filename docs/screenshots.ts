/**
 * The pictures of the README and of docs/dashboards.md: `deno task screenshots`.
 * The terminal shows the warehouse as it runs, for a minute; the page one with
 * an hour behind it. It takes tmux and Chromium. With a folder as its argument,
 * it takes pictures of the page in all sizes and both color schemes there.
 *
 * @module
 */
import type { Page } from "npm:playwright-core@1.56.1";
import { alarm } from "../lib/cli/alarm.ts";
import { Board } from "../lib/cli/board/board.ts";
import { beginning } from "../lib/cli/board/content.ts";
import { WebServer } from "../lib/cli/web/server.ts";
import { WireMessage } from "../lib/wire/message.ts";
import { fromFileUrl } from "jsr:@std/path@1.1.6/from-file-url";
import { ROOT } from "../tests/harness/programs.ts";
import { TestBrowser } from "../tests/harness/browser.ts";
import { Terminal } from "../tests/harness/tmux.ts";

/** A dashboard looks best when its minute is full. */
const WARM_UP_MS = 62_000;

const STYLES: Record<string, string> = {
  "1": "font-weight: bold",
  "2": "opacity: 0.6",
  "7": "background: #d8e0e0; color: #14191a; --text: #14191a",
  "31": "color: #ff6b60",
  "32": "color: #5fd38d",
  "36": "color: #4fd0ba",
  "39": "color: var(--text, #e7eded)",
};

/** The screen of a terminal as a page. */
function htmlOf(screen: string): string {
  const escaped = screen.trimEnd().replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;");
  const spans = escaped.split("\x1b[").map((part, i) => {
    if (i === 0) return part;
    const [, codes, text] = /^([0-9;]*)m(.*)$/s.exec(part)!;
    const style = codes!.split(";").map((code) => STYLES[code] ?? "");
    // A style goes on until it is taken back.
    const isReset = codes === "" || codes!.split(";").includes("0");
    return (isReset ? "</span>".repeat(8) : "") +
      `<span style="${style.filter(Boolean).join("; ")}">${text}`;
  });
  return `<!DOCTYPE html><meta charset="utf-8"><style>
    body { margin: 0; background: #14191a; color: #e7eded; width: max-content; }
    pre { margin: 0; padding: 14px 16px; font: 15px/1.25 "DejaVu Sans Mono"; }
  </style><pre>${spans.join("")}</pre>`;
}

async function picture(name: string): Promise<string> {
  const path = fromFileUrl(new URL(name, import.meta.url));
  await Deno.remove(path).catch(() => {});
  return path;
}

/** Noise that is the same in each run. */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

/** What the sensors of a warehouse publish, some seconds after they began. */
function* readings(at: number): Generator<[topic: string, message: string]> {
  for (let aisle = 1; aisle <= 4; aisle++) {
    const phase = at / 700 + 2 * aisle;
    const name = `warehouse/a${aisle}`;
    if (at % 2 === 0 && !(aisle === 2 && at / 60 % 40 > 31)) {
      const value = 21 + aisle / 2 + 1.6 * Math.sin(phase) +
        noise(at + aisle) / 8;
      yield [`${name}/temperature`, `${value.toFixed(1)} °C`];
    }
    if (at % 10 === aisle) {
      const humidity = 45 + 6 * Math.cos(phase) + noise(at) / 2;
      const climate = {
        humidity: Number(humidity.toFixed(1)),
        co2: Math.round(620 + 150 * Math.sin(phase / 3) + 9 * noise(at)),
        battery: 97 - 3 * aisle,
      };
      yield [`${name}/climate`, JSON.stringify(climate)];
    }
    if (at % 5 === aisle) {
      const isHigh = Math.sin(phase * 2) > 0.3;
      const watts = isHigh ? 1450 + 70 * noise(at) : 320 + 15 * noise(at);
      yield [`${name}/power`, `${watts.toFixed(0)} W`];
    }
    if (at % 30 === aisle && aisle < 3) {
      const isOpen = Math.sin(phase * 5) > 0.6;
      yield [`${name}/door`, isOpen ? "open" : "closed"];
    }
  }
}

/** A page with an hour behind it, and readings as they come. */
async function servedHour(): Promise<AsyncDisposable & { url: string }> {
  const rule = "warehouse/+/temperature > 23.5";
  const board = new Board({ alarms: [alarm.read(rule)!] });
  const server = await WebServer.start(board, {
    listener: { hostname: "127.0.0.1", port: 0 },
    mode: 0o600,
    tls: undefined,
    origin: undefined,
    token: undefined,
    history: 1000,
    www: undefined,
    maxBytes: 1024,
    publish: undefined,
    say: () => {},
  });
  const start = Math.floor(Date.now() / 1000) - 3600;
  let next = start;
  const go = () => {
    for (; next <= Date.now() / 1000; next++) {
      for (const [topic, text] of readings(next - start)) {
        const bytes = new TextEncoder().encode(text);
        const message = new WireMessage(topic, bytes);
        board.add(message, beginning(message), next * 1000);
        server.add(message, text, next * 1000);
      }
    }
    server.changed();
  };
  go();
  const timer = setInterval(go, 500);
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await server.close();
    },
  };
}

const TOPIC = "#warehouse/a4/temperature,warehouse/a2/temperature;1h";

async function showTopic(page: Page, url: string): Promise<void> {
  await page.goto(url + TOPIC);
  await page.locator("#detail-chart canvas").waitFor();
  await page.locator("#detail-messages li").nth(5).waitFor();
}

await using browser = await TestBrowser.start();
await using hour = await servedHour();
const [folder] = Deno.args;
for (const colorScheme of folder ? ["light", "dark"] as const : []) {
  for (const width of [360, 900, 1440]) {
    const { page } = await browser.open("about:blank", { colorScheme });
    await page.setViewportSize({ width, height: 900 });
    for (const name of ["page", "topic"]) {
      if (name === "topic") await showTopic(page, hour.url);
      else await page.goto(hour.url);
      await page.waitForTimeout(2000);
      const path = `${folder}/${name}-${width}-${colorScheme}.png`;
      await page.screenshot({ path });
    }
    await page.close();
  }
}
if (folder) Deno.exit();

const { page } = await browser.open(hour.url, { colorScheme: "light" });
await page.setViewportSize({ width: 1360, height: 760 });
await page.locator("#alarmed").click();
await page.waitForTimeout(2000);
await page.screenshot({ path: await picture("page.png") });
await showTopic(page, hour.url);
await page.waitForTimeout(1000);
await page.screenshot({ path: await picture("topic.png") });

await using terminal = await Terminal.open({ TERM: "tmux-256color" }, 112, 13);
await terminal.run(
  `unset NO_COLOR; ${Deno.execPath()} run --allow-all ` +
    `${ROOT}examples/warehouse/demo.ts --serve=0 0.3`,
);
await terminal.until((it) => it.includes("http://"));
await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
await terminal.until((it) => it.includes("1 alarm"));
// A picture with the port of that day says nothing.
const screen = (await terminal.styledScreen()).replace(
  /http:\S+/,
  "http://127.0.0.1:8080/",
);
const { page: frame } = await browser.open("about:blank");
await frame.setContent(htmlOf(screen));
await frame.locator("pre").screenshot({ path: await picture("dashboard.png") });
await terminal.type("q");
await terminal.until((it) => !it.includes("TOPIC"));
