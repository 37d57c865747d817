/**
 * A topic on the page of `sub --serve`, and the page on phones, in many tabs and
 * with many topics.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import type { Page } from "npm:playwright-core@1.56.1";
import { chartPath } from "../lib/cli/web/page/card.js";
import { alignPasts, axisTexts } from "../lib/cli/web/page/chart.js";
import { commandLine, eventually, finish, Process } from "./harness/process.ts";
import { assertAccessible, card, counts, pageTest } from "./harness/stage.ts";

/** Waits until an element shows a text. */
async function shows(page: Page, selector: string, text: string | RegExp) {
  await page.locator(selector, { hasText: text }).first().waitFor();
}

pageTest(
  "a topic opens by a click, by Enter and by its URL, and Escape goes back",
  ["--alarm=a/t>30"],
  async ({ served, browser, page, complaints, publisher }) => {
    await publisher.write('a/t\t21.5 °C\na/t\t22.5 °C\nb c,d\t{"x": 1}\n');
    await counts(page, "3 messages");
    await page.locator(".card", { hasText: "a/t" }).locator("svg").click();
    await shows(page, "#detail-title", "a/t");
    await page.locator("#detail-chart canvas").waitFor();
    assertEquals(new URL(page.url()).hash, "#a/t");
    assertEquals(await page.title(), "a/t – fifobus");
    await shows(page, "#detail-legend", "22.5 °C");
    await shows(
      page,
      "#detail-values",
      /22\.5 °C\s*21\.5\s*22\.0\s*22\.5/,
    );
    await shows(page, "#detail-alarms", "Rule: a/t>30");
    await publisher.write("a/t\t31.0 °C\n");
    await shows(page, "#detail-alarms [data-alarm]", "Alarm: a/t>30");
    await shows(page, "#detail-legend", "31.0 °C");
    await shows(page, "#detail-messages li:first-child", "31.0 °C");
    assertEquals(await page.locator("#detail-messages li").count(), 3);
    await page.keyboard.press("Escape");
    await card(page, "a/t", "31.0");
    // The focus is on the card that was open.
    await page.keyboard.press("Enter");
    await shows(page, "#detail-title", "a/t");
    await page.goBack();
    await page.getByRole("heading", { name: "b c,d" }).getByRole("link")
      .press("Enter");
    await shows(page, "#detail-title", "b c,d");
    await shows(page, "#detail-legend", "1 x");
    const { page: other } = await browser.open(page.url());
    await shows(other, "#detail-title", "b c,d");
    await shows(other, "#detail-legend", "1 x");
    assertEquals(complaints, []);
    // A topic that nobody has published yet.
    await page.goto(`${served.url}#later`);
    await shows(page, "#detail-none", "No number");
    await publisher.write("later\t5\n");
    await shows(page, "#detail-legend", "5");
  },
);

pageTest(
  "a chart has values under its pointer, other topics, and other times",
  ["--alarm=a > 30"],
  async ({ page, complaints, publisher }) => {
    await publisher.write('a\t25 °C\nb\t{"power": 40, "on": true}\n');
    await counts(page, "2 messages");
    await page.evaluate("location.hash = '#a'");
    await shows(page, "#detail-limit", "limit of an alarm");
    await page.getByLabel("Compare with").fill("b");
    await page.keyboard.press("Enter");
    await shows(page, "#detail-legend li:nth-child(2)", "40 power");
    assertEquals(new URL(page.url()).hash, "#a,b");
    // The pointer moves to a time before there was a number.
    await page.locator("#detail-chart").press("ArrowLeft");
    await shows(page, "#detail-time", /\d:\d\d/);
    for (let i = 0; i < 60; i++) await page.keyboard.press("ArrowLeft");
    await shows(page, "#detail-legend li:nth-child(1)", "no value");
    await page.getByRole("button", { name: "1 h" }).click();
    await page.locator("#detail-spans [aria-pressed=true]", {
      hasText: "1 h",
    }).waitFor();
    assertEquals(new URL(page.url()).hash, "#a,b;1h");
    await shows(page, "#detail-legend li:nth-child(2)", "40 power");
    await page.getByRole("button", { name: "Remove b" }).click();
    await page.locator("#detail-legend li:nth-child(2)")
      .waitFor({ state: "detached" });
    assertEquals(new URL(page.url()).hash, "#a;1h");
    // A value of JSON that does not lead.
    await page.evaluate("location.hash = '#b'");
    await page.getByRole("link", { name: "on", exact: true }).click();
    await shows(page, "#detail-legend", "on");
    assertEquals(complaints, []);
  },
);

Deno.test("axisTexts() writes all numbers of an axis with the same decimals", () => {
  assertEquals(axisTexts([24, 24.5, 25], 0.5), ["24.0", "24.5", "25.0"]);
  assertEquals(axisTexts([0, 2.5, 5], 2.5), ["0.0", "2.5", "5.0"]);
  assertEquals(axisTexts([0, 50_000], 50_000), ["0", "50,000"]);
  assertEquals(axisTexts([-1e-7, 0], 1e-7), ["-1e-7", "0"]);
});

Deno.test("a pause that is unusual is a gap in a chart, and a state holds", () => {
  const every = (from: number, to: number, by: number) =>
    Array.from({ length: (to - from) / by }, (_, i) => [from + i * by, 1]);
  const past = { now: 59, seconds: 60, step: 1, isState: false };
  const points = [...every(0, 20, 1), ...every(40, 60, 1)];
  const [times, column] = alignPasts([{ ...past, points }]);
  assertEquals([times[0], times.length], [0, 60]);
  assertEquals([column[19], column[20], column[39], column[40]], [
    ...[1, null, null, 1],
  ]);
  const path = (points: number[][], isState = false) =>
    chartPath(points, 59, isState).split("M").length - 1;
  assertEquals(path(points), 2);
  // A sensor that always has pauses has no gaps.
  const slow = every(0, 60, 10);
  const [, other] = alignPasts([{ ...past, points: slow }]);
  assertEquals([other[5], other[10], path(slow)], [undefined, 1, 1]);
  const door = [[0, 0], [5, 1]];
  const [, state] = alignPasts([{ ...past, points: door, isState: true }]);
  assertEquals([state[4], state[5], state[59], path(door, true)], [0, 1, 1, 1]);
});

pageTest(
  "the last messages of a topic are whole: JSON folds, bytes are hexadecimal",
  ["--max-size=2M"],
  async ({ bus, page, complaints, publisher }) => {
    const long = "y".repeat(5000);
    await publisher.write(
      `j\t{"id": 12345678901234567890, "in": {"deep": [1, {"text": "${long}"}]}}\n`,
    );
    await publisher.write('j\t<b>no</b>"\n');
    await counts(page, "2 messages");
    await page.evaluate("location.hash = '#j'");
    await shows(page, "#detail-messages li:first-child pre", '<b>no</b>"');
    const tree = page.locator("#detail-messages .json");
    await tree.getByText("id: 12345678901234567890").waitFor();
    const deep = tree.getByText(long);
    assertEquals(await deep.isVisible(), false);
    await tree.getByText("deep: [ 2 elements ]").click();
    await tree.getByText("1: { 1 member }").click();
    await deep.waitFor();
    const printf = 'printf "\\000\\377\\376A\\000" | "$@"';
    const pub = commandLine("pub", "-s", "j");
    await finish(new Process(["sh", "-c", printf, "sh", ...pub], bus.env));
    const dump = /00000000 {2}00 ff fe 41 00 +\.\.\.A\./;
    await shows(page, "#detail-messages li:first-child pre", dump);
    assertEquals(complaints, []);
  },
);

pageTest(
  "a topic's page publishes with --writable",
  ["--writable"],
  async ({ page, complaints, publisher }) => {
    await publisher.write("lamp\toff\n");
    await counts(page, "1 message");
    await page.evaluate("location.hash = '#lamp'");
    await page.getByRole("textbox", { name: "Message" }).fill("on");
    await page.getByRole("button", { name: "Publish" }).click();
    await shows(page, "#detail-published", "published, subscribers: 1");
    await shows(page, "#detail-messages li:first-child", "on");
    assertEquals(complaints, []);
  },
);

pageTest(
  "the page and a topic are accessible on phones and large screens, in both schemes",
  ["--alarm=a>0", "--writable"],
  async ({ served, browser, publisher }) => {
    await publisher.write('0\t1\n1\tx\n2\tON\na\t1\nb\t{"celsius": 4}\n');
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [360, 1440]) {
        const { page, complaints } = await browser.open("about:blank", {
          colorScheme,
        });
        await page.setViewportSize({ width, height: 740 });
        await page.goto(served.url);
        await counts(page, "5 topics");
        await assertAccessible(page);
        const overflow = () =>
          page.evaluate(
            "document.documentElement.scrollWidth - innerWidth",
          );
        assertEquals(await overflow(), 0);
        if (width === 360) {
          // The alarm comes first, and the header leaves room for it.
          assertMatch(
            await page.locator(".card").first().innerText(),
            /^a\n⚠ Alarm/,
          );
          const box = await page.locator("header").boundingBox();
          assert(box!.height < 0.15 * 740, `${box!.height}`);
          await page.getByRole("link", { name: "Messages" }).click();
          await eventually(async () => {
            const log = await page.locator("#log").boundingBox();
            return log!.y >= 0 && log!.y < 740;
          });
        }
        await page.goto(`${served.url}#a,b`);
        await page.locator("#detail-chart canvas").waitFor();
        await shows(page, "#detail-messages li", "1");
        await assertAccessible(page);
        assertEquals(await overflow(), 0);
        assertEquals(complaints, []);
        await page.close();
      }
    }
  },
);

pageTest(
  "sixty topics are in groups, which fold and tell their alarms",
  ["--alarm=hall/b1/t0>0"],
  async ({ page, publisher }) => {
    const lines = Array.from(
      { length: 60 },
      (_, i) => `hall/b${i % 6}/t${Math.floor(i / 6)}\t1\n`,
    );
    await publisher.write(lines.join(""));
    await counts(page, "60 topics");
    const group = page.getByRole("button", { name: "hall/b1/" });
    await group.waitFor();
    assertEquals(await page.locator(".group").count(), 6);
    assertMatch(await group.innerText(), /^hall\/b1\/\s*10, ⚠ 1 alarm$/);
    assertEquals(await page.locator(".card:visible").count(), 60);
    await assertAccessible(page);
    await group.click();
    assertEquals(await group.getAttribute("aria-expanded"), "false");
    assertEquals(await page.locator(".card:visible").count(), 50);
    // The number of alarms leads to them, wherever they are.
    await page.getByRole("link", { name: "1 alarm" }).click();
    await eventually(async () =>
      (await page.locator(".card h3").first().innerText()) === "hall/b1/t0"
    );
    assertEquals(await page.locator(".group").count(), 0);
    assertEquals(await page.locator(".card:visible").count(), 60);
  },
);

pageTest(
  "the page tells when the server says nothing, and connects again",
  [],
  async ({ served, page, publisher }) => {
    await page.clock.install();
    await page.reload();
    await publisher.write("a\t1\n");
    await counts(page, "1 message");
    served.kill("SIGSTOP");
    await page.clock.fastForward(8000);
    await shows(page, "#state", /no word for \d+ s/);
    served.kill("SIGCONT");
    await shows(page, "#state", "live");
    await publisher.write("a\t2\n");
    await card(page, "a", "2");
  },
);

pageTest(
  "pages that nobody sees let go of their connection, and go on when seen",
  [],
  async ({ served, page, publisher }) => {
    await publisher.write("a\t1\n");
    await counts(page, "1 message");
    const hide = (page: Page, isHidden: boolean) =>
      page.evaluate(`{
        Object.defineProperty(document, "hidden",
          { get: () => ${isHidden}, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }`);
    // Browsers open six connections to a server, for all pages together.
    const pages = [page];
    for (let i = 0; i < 7; i++) {
      await hide(pages.at(-1)!, true);
      const next = await page.context().newPage();
      await next.goto(served.url);
      await counts(next, "1 message");
      pages.push(next);
    }
    await publisher.write("a\t2\n");
    await card(pages.at(-1)!, "a", "2");
    await hide(page, false);
    await card(page, "a", "2");
    assertEquals(await page.locator("#log li").count(), 2);
  },
);
