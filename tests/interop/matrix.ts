/**
 * Every language with our programs and with every other language.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { LANGUAGES, prepare } from "../harness/programs.ts";
import { Publisher } from "../../mod.ts";
import { Folder } from "../harness/folder.ts";
import { finish, type Process, pub, sh, sub } from "../harness/process.ts";
import { example, languageTest } from "./_languages.ts";

/** 1,000 messages: empty, beyond ASCII, of a page with and without its end. */
const MESSAGES = [
  "",
  "21.5 °C",
  "Straße, 東京, 🌡️, e\u0301",
  "  blanks around, and a tab\t ",
  "back\\slash \\n %s $HOME `date` 'quoted' \"twice\"",
  "exit now",
  "x".repeat(4095),
  "y".repeat(4096),
  "ä".repeat(2048),
  ...Array.from({ length: 990 }, (_, i) => `reading ${i}`),
  "",
].map((message) => `${message}\n`).join("");

/** Checks that a subscriber gets all messages of a publisher, and then ends. */
async function assertDelivers(
  publisher: Process,
  subscriber: Process,
): Promise<void> {
  await using publishing = publisher;
  await using subscribing = subscriber;
  const printed = subscribing.ended();
  const said = publishing.ended();
  await publishing.write(`${MESSAGES}exit\n`);
  await publishing.end();
  const quiet = { code: 0, signal: null, stdout: "", stderr: "" };
  assertEquals(await said, quiet);
  assertEquals(await printed, { ...quiet, stdout: MESSAGES });
}

for (const language of LANGUAGES) {
  const { name } = language;

  languageTest(`${name} publishes to sub`, [language], async () => {
    await using folder = new Folder();
    const pipe = await folder.fifo();
    await assertDelivers(await example(language, "publisher", pipe), sub(pipe));
  });

  languageTest(`pub publishes to ${name}`, [language], async () => {
    await using folder = new Folder();
    const pipe = await folder.fifo();
    const subscriber = await example(language, "subscriber", pipe);
    await assertDelivers(pub("-l", pipe), subscriber);
  });

  for (const other of LANGUAGES) {
    const needs = [language, other];
    languageTest(`${name} publishes to ${other.name}`, needs, async () => {
      await using folder = new Folder();
      const pipe = folder.file("pipe");
      await using _maker = await Publisher.open(pipe);
      await assertDelivers(
        await example(language, "publisher", pipe),
        await example(other, "subscriber", pipe),
      );
    });
  }

  languageTest(
    `${name} keeps bytes that are not UTF-8`,
    [language],
    async () => {
      await using folder = new Folder();
      const pipe = await folder.fifo();
      const folderOf = new URL(
        `../../examples/languages/${language.folder}/`,
        import.meta.url,
      );
      const run = async (program: string, line: string) =>
        sh(line, ...await prepare(language, folderOf, program), pipe);
      // In a shell, because a Process reads and writes text.
      const bytes = "'\\377A\\303(\\200\\nexit\\n'";
      await using subscriber = await run(
        "subscriber",
        '"$0" "$@" | od -An -tx1',
      );
      await finish(await run("publisher", `printf ${bytes} | "$0" "$@"`));
      const { stdout } = await subscriber.ended();
      assertEquals(stdout, " ff 41 c3 28 80 0a\n");
    },
  );

  languageTest(
    `a subscriber in ${name} makes its pipe, and misses nothing between publishers`,
    [language],
    async () => {
      await using folder = new Folder();
      const pipe = folder.file("pipe");
      await using subscriber = await example(language, "subscriber", pipe);
      // Each publisher waits for a reader, and ends.
      for (let i = 0; i < 20; i++) {
        const echo = 'until [ -p "$0" ]; do :; done; echo "$1" > "$0"';
        await finish(sh(echo, pipe, `${i}`));
      }
      await finish(pub(pipe, "exit"));
      const { code, stdout } = await subscriber.ended();
      const sent = Array.from({ length: 20 }, (_, i) => `${i}\n`);
      assertEquals([code, stdout], [0, sent.join("")]);
    },
  );

  languageTest(
    `a message of ${name} whose reader has left waits for the next one`,
    [language],
    async () => {
      await using folder = new Folder();
      const pipe = await folder.fifo();
      await using publisher = await example(language, "publisher", pipe);
      await using first = sub("-C", "1", pipe);
      await publisher.write("one\n");
      assertEquals((await first.ended()).stdout, "one\n");
      await publisher.write("two\nexit\n");
      await publisher.end();
      await using second = sub(pipe);
      assertEquals((await second.ended()).stdout, "two\n");
      assertEquals((await publisher.ended()).code, 0);
    },
  );
}
