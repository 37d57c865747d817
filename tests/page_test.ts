/**
 * The page of `sub --serve` in a real browser.
 *
 * @module
 */
import { assert } from "jsr:@std/assert@1.0.19/assert";
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
import type { Page } from "npm:playwright-core@1.56.1";
import { TestBrowser, withoutBrowser } from "./harness/browser.ts";
import { eventually, finish, TestBus } from "./harness/process.ts";
import { Served } from "./harness/served.ts";
import { assertAccessible, card, counts, pageTest } from "./harness/stage.ts";
import * as waiting from "./harness/waiting.ts";

pageTest(
  "the page shows numbers, JSON and text, with an alarm, a chart and a log",
  ["--alarm=a/t>30"],
  async ({ page, complaints, publisher }) => {
    await publisher.write('a/t\t21\nb\t{"celsius": 4.5, "door": 1}\nc\topen\n');
    await counts(page, "3 topics, 3 messages");
    assertMatch(await card(page, "a/t", "21"), /^a\/t \d+s ago 21 min 21 mean/);
    assertMatch(await card(page, "b", "4.5"), /4.5 celsius min .* door 1$/);
    assertMatch(await card(page, "c", "open"), /^c \d+s ago ● open rate/);
    assertEquals(await page.title(), "fifobus");

    const path = page.locator(".card", { hasText: "a/t" }).locator("path");
    const before = await path.getAttribute("d");
    await publisher.write("a/t\t31\n");
    assertMatch(await card(page, "a/t", "31"), /⚠ Alarm .* 31 min 21 mean 26/);
    assertEquals(await page.title(), "(1 ⚠) fifobus");
    assertEquals(
      await page.locator("#alarms").textContent(),
      "Alarm: a/t 31",
    );
    await eventually(async () => await path.getAttribute("d") !== before);

    const log = await page.locator("#log li").allInnerTexts();
    assertEquals(
      log.map((line) => line.replace(/^[\d:]+/, "").replaceAll(/\s+/g, " ")),
      ["a/t31", "copen", 'b{"celsius": 4.5, "door": 1}', "a/t21"],
    );
    assertEquals(complaints, []);
  },
);

pageTest(
  "a number of 15 digits stays in its card",
  [],
  async ({ page, publisher }) => {
    await page.setViewportSize({ width: 800, height: 800 });
    await publisher.write(`big\t123456789012345\n${
      "xyz".split("")
        .map((it) => `${it}\t1\n`).join("")
    }`);
    await card(page, "big", "123,456,789,012,345");
    const [outer, inner] = await Promise.all(
      [".card", ".card .number"].map((it) =>
        page.locator(it).first().boundingBox()
      ),
    );
    assert(inner!.x + inner!.width < outer!.x + outer!.width);
  },
);

pageTest(
  "hostile messages stay text",
  ["--max-size=2M"],
  async ({ bus, page, complaints, publisher }) => {
    const html =
      '<img src=x onerror="document.title=1"><script>alert(1)</script>';
    await publisher.write(`<b>topic</b>\t${html}\n`);
    await card(page, "<b>topic</b>", html);
    await publisher.write(
      "c\ta\u001b[2J\u202eb\u0000c\nn\tNaN\ni\t1e999\ne\t\n",
    );
    await card(page, "c", "a^[[2J<U+202E>b^@c");
    await card(page, "n", "NaN");
    await card(page, "i", "1e999");
    await card(page, "e", "empty message");
    await using large = bus.pub("-s", "--max-size=2M", "large");
    await large.write("x".repeat(1_000_000));
    await large.end();
    const text = await card(page, "large", "the first 1000 characters of");
    assert(text.includes("of 1000000 bytes") && text.length < 1300, text);
    await publisher.write(
      '__proto__\t1\nj\t{"__proto__": 5, "value": "<i>"}\nk\t["<i>"]\n',
    );
    await card(page, "__proto__", "1");
    assertMatch(await card(page, "j", "<i>"), /5 __proto__ .* value <i>$/);
    await card(page, "k", '["<i>"]');
    assertEquals(await page.locator("img, script:not([src]), b, i").count(), 0);
    assertEquals(complaints, []);
  },
);

waiting.testWithout(
  withoutBrowser,
  "a page goes on after its server, or the page itself, was away",
  async () => {
    await using bus = new TestBus();
    await using browser = await TestBrowser.start();
    let page: Page;
    let port: number;
    {
      await using served = await Served.start(bus);
      port = served.port;
      ({ page } = await browser.open(served.url));
      await finish(bus.pub("a", "1"));
      await counts(page, "1 topic, 1 message");
      await finish(bus.pub("a", "2"));
      await page.reload();
      await page.locator("#log li").nth(1).waitFor();
      served.kill("SIGTERM");
      await served.ended();
      await page.locator("#state", { hasText: "connection lost" }).waitFor();
    }
    await using _served = await Served.start(bus, [`--serve=${port}`]);
    await page.locator("#state", { hasText: "live" }).waitFor();
    await finish(bus.pub("b", "3"));
    // The counts of the other run are gone.
    await counts(page, "1 topic, 1 message");
    await card(page, "b", "3");
    assertEquals(await page.locator("#log li").count(), 1);
  },
);

pageTest(
  "the page is paused, filtered and sorted from the keyboard",
  [],
  async ({ served, browser, page, publisher }) => {
    await publisher.write("a\t1\nb\t2\n");
    await card(page, "b", "2");
    await page.keyboard.press("p");
    await page.locator("#pause[aria-pressed=true]").waitFor();
    await publisher.write("b\t3\nc\t4\n");
    const { page: other } = await browser.open(served.url);
    await counts(other, "3 topics, 4 messages");
    await counts(page, "2 topics, 2 messages");
    await page.keyboard.press("p");
    await counts(page, "3 topics, 4 messages");
    await card(page, "b", "3");

    await page.keyboard.press("/");
    await page.keyboard.type("B");
    await page.locator(".card:visible").filter({ hasNotText: "b" })
      .waitFor({ state: "detached" });
    assertEquals(await page.locator("#log li").count(), 2);
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await page.locator("#log li").nth(3).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type("value");
    await eventually(async () => {
      const titles = await page.locator(".card h3").allInnerTexts();
      return titles.join() === "c,b,a";
    });
  },
);

pageTest(
  "the page is accessible in both color schemes, and loads nothing from elsewhere",
  ["--alarm=a>0"],
  async ({ served, browser, publisher }) => {
    await publisher.write('a\t1\nb\t{"celsius": 4}\nc\topen\n');
    for (const colorScheme of ["light", "dark"] as const) {
      const { page, complaints } = await browser.open("about:blank", {
        colorScheme,
      });
      const requested = new Set<string>();
      page.on("request", (request) => requested.add(request.url()));
      await page.goto(served.url);
      await counts(page, "3 topics");
      for (const url of requested) assert(url.startsWith(served.url), url);
      await assertAccessible(page);
      const color = () =>
        page.evaluate("getComputedStyle(document.body).backgroundColor");
      const system = await color();
      assertEquals(
        system,
        colorScheme === "light" ? "rgb(244, 246, 246)" : "rgb(20, 25, 26)",
      );
      // The theme of the page wins over that of the system, and stays.
      while (await color() === system) await page.keyboard.press("t");
      const other = await color();
      await page.reload();
      await counts(page, "3 topics");
      assertEquals(await color(), other);
      await assertAccessible(page);
      assertEquals(complaints, []);
    }
  },
);

pageTest(
  "the page opens with its token, which leaves the address line",
  ["--token=s3 cr&t"],
  async ({ served, page, complaints, publisher }) => {
    await publisher.write("a\t1\n");
    await card(page, "a", "1");
    const { origin } = new URL(served.url);
    assertEquals(page.url(), `${origin}/`);
    assertEquals(complaints, []);
  },
);

pageTest(
  "the page counts more messages than it can draw",
  [],
  async ({ page, complaints, publisher }) => {
    const COUNT = 50_000;
    const lines = Array.from(
      { length: COUNT },
      (_, i) => `t/${i % 50}\t${i}\n`,
    );
    await publisher.write(lines.join(""));
    await counts(page, "50 topics, 50,000 messages");
    await card(page, "t/49", "49,999");
    assert(await page.locator("#log li").count() <= 500);
    assertEquals(complaints, []);
  },
);

pageTest(
  "the page finds any of 5,000 topics, and shows all alarms",
  ["--alarm=plant/line99/sensor49>0"],
  async ({ page, complaints, publisher }) => {
    const lines = Array.from(
      { length: 5000 },
      (_, i) => `plant/line${i % 100}/sensor${Math.floor(i / 100)}\t${i}\n`,
    );
    await publisher.write(lines.join(""));
    await counts(page, "5,000 topics, 5,000 messages");
    await page.getByRole("link", { name: "1 alarm" }).waitFor();
    await page.locator(".card[data-alarm]", { hasText: "4999" }).waitFor();
    await page.locator("#hidden", { hasText: "1,000 of 5,000 topics" })
      .waitFor();
    assertEquals(await page.title(), "(1 ⚠) fifobus");
    // Natural order.
    const title = page.locator(".card h3").nth(1);
    assertEquals(await title.innerText(), "plant/line0/sensor1");
    await page.keyboard.press("/");
    await page.keyboard.type("line77/sensor3");
    // Most of them were not among the first 1,000.
    const shown = () =>
      page.evaluate(`[...document.querySelectorAll(".card:not([hidden]) h3")]
        .map((it) => it.textContent).join(" ")`);
    const found = [3, ...Array.from({ length: 10 }, (_, i) => 30 + i)]
      .map((i) => `plant/line77/sensor${i}`).join(" ");
    await eventually(async () => await shown() === found);
    await page.keyboard.type("x");
    await page.locator("#hidden", { hasText: "No topic contains" }).waitFor();
    assertEquals(complaints, []);
  },
);

pageTest(
  "a card shows a state, the other values of JSON, and no number cut",
  ["--value=z/+#humidity"],
  async ({ page, complaints, publisher }) => {
    await publisher.write(
      'z/a\t{"battery":97,"humidity":41.20,"temperature":21.5}\n' +
        "meter\t12345678.9 kWh\ndoor\tOPEN\n",
    );
    const climate = await card(page, "z/a", "41.20");
    assertMatch(climate, / 41\.20 humidity .* temperature 21\.5 battery 97/);
    await card(page, "meter", "12,345,678.9 kWh");
    await card(page, "door", "● OPEN");
    await publisher.write("door\tclosed\n");
    await card(page, "door", "○ closed");
    assertEquals(complaints, []);
  },
);
