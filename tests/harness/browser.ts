/**
 * Chromium without a window, for pages that programs serve.
 *
 * @module
 */
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Page,
} from "npm:playwright-core@1.56.1";
import { isThere } from "./needs.ts";

const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"];

const found: string[] = [];
for (const name of CHROMIUM) {
  if (await isThere(name, "--version")) found.push(name);
}

/** The names of the programs that are missing to run a browser. */
export const withoutBrowser: string[] = found.length > 0 ? [] : ["chromium"];

/** The browser of this file, while a test uses it. */
let shared: Promise<Browser> | undefined;
let users = 0;

async function launch(): Promise<Browser> {
  const which = new Deno.Command("sh", {
    args: ["-c", 'command -v "$0"', found[0]!],
  });
  const { stdout } = await which.output();
  return await chromium.launch({
    executablePath: new TextDecoder().decode(stdout).trim(),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--enable-precise-memory-info",
    ],
  });
}

/**
 * A browser that runs until it is disposed of. Those of one file that are there
 * at the same time are one process, as starting it takes longer than most tests;
 * they share no pages, cookies or connections.
 */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    users++;
    return new TestBrowser(await (shared ??= launch()));
  }

  /** Opens a page, and returns the errors that it reports. */
  async open(
    url: string,
    options: { colorScheme?: "light" | "dark" } = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const viewport = { width: 1200, height: 800 };
    const context = await this.#browser.newContext({ viewport, ...options });
    // As long as eventually().
    context.setDefaultTimeout(60_000);
    this.#contexts.push(context);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    return { page, complaints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
    if (--users > 0) return;
    shared = undefined;
    await this.#browser.close();
  }
}
