/**
 * A page of `sub --serve` in a browser, with a publisher.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import axe from "npm:axe-core@4.11.0";
import type { Page } from "npm:playwright-core@1.56.1";
import { TestBrowser, withoutBrowser } from "./browser.ts";
import { type Process, TestBus } from "./process.ts";
import { Served } from "./served.ts";
import * as waiting from "./waiting.ts";

// Each of their pages keeps a processor busy.
waiting.atMost(2);

/** The tools of a test. */
export interface Stage {
  bus: TestBus;
  served: Served;
  browser: TestBrowser;
  page: Page;
  complaints: string[];
  /** Takes lines "topic TAB message". */
  publisher: Process;
}

/** Declares a test with a page that is open. */
export function pageTest(
  name: string,
  args: string[],
  test: (stage: Stage) => Promise<void>,
): void {
  waiting.testWithout(withoutBrowser, name, async () => {
    await using bus = new TestBus();
    await using served = await Served.start(bus, ["--serve=0", ...args]);
    await using browser = await TestBrowser.start();
    const { page, complaints } = await browser.open(served.url);
    await using publisher = bus.pub("-l", "--keyed");
    await test({ bus, served, browser, page, complaints, publisher });
  });
}

/** Waits until the card of a topic shows a text. */
export async function card(
  page: Page,
  topic: string,
  text: string,
): Promise<string> {
  const title = page.getByRole("heading", { name: topic, exact: true });
  const element = page.locator(".card").filter({ has: title });
  await element.filter({ hasText: text }).waitFor();
  return (await element.innerText()).replaceAll(/\s+/g, " ");
}

/** Waits until the page shows these counts. */
export async function counts(page: Page, text: string): Promise<void> {
  await page.locator("#counts", { hasText: text }).waitFor();
}

/** Asserts that the page has no fault that axe finds. */
export async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  const found = violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ html }) => html).join(" ")}`
  );
  assertEquals(found, []);
}
