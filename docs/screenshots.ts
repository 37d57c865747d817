/**
 * The pictures of the README, of the warehouse as it runs: `deno task
 * screenshots`. It takes a minute, tmux and Chromium.
 *
 * @module
 */
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

await using terminal = await Terminal.open({ TERM: "tmux-256color" }, 112, 13);
await using browser = await TestBrowser.start();
await terminal.run(
  `unset NO_COLOR; ${Deno.execPath()} run --allow-all ` +
    `${ROOT}examples/warehouse/demo.ts --serve=0 0.3`,
);
const shown = await terminal.until((it) => it.includes("http://"));
const [url] = /http:\S+/.exec(shown)!;
const { page } = await browser.open(url!, { colorScheme: "light" });
await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
await terminal.until((it) => it.includes("1 alarm"));
await page.setViewportSize({ width: 1200, height: 720 });
// A picture with the port of that day says nothing.
const screen = (await terminal.styledScreen()).replace(
  /http:\S+/,
  "http://127.0.0.1:8080/",
);
await page.screenshot({ path: await picture("page.png") });
const { page: frame } = await browser.open("about:blank");
await frame.setContent(htmlOf(screen));
await frame.locator("pre").screenshot({ path: await picture("dashboard.png") });
await terminal.type("q");
await terminal.until((it) => !it.includes("TOPIC"));
