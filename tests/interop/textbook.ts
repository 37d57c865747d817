/**
 * The programs of the textbooks, unchanged, with ours on the other side.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { LANGUAGES, prepare } from "../harness/programs.ts";
import { Folder } from "../harness/folder.ts";
import { finish, Process, pub, sub } from "../harness/process.ts";
import { languageTest } from "./_languages.ts";

const [GO, PYTHON] = [LANGUAGES[0]!, LANGUAGES[1]!];
const TEXTBOOK = new URL("../../examples/textbook/", import.meta.url);

languageTest(
  "four of the textbook's publishers, unchanged, lose nothing to sub",
  [GO],
  async () => {
    await using folder = new Folder();
    const pipe = await folder.fifo();
    await using subscriber = sub(pipe);
    const arrived = subscriber.ended();
    const command = await prepare(GO, TEXTBOOK, "publisher");
    const sent = Array.from({ length: 4000 }, (_, i) => `${i % 4} ${i}`);
    await Promise.all([0, 1, 2, 3].map(async (n) => {
      const mine = sent.filter((message) => message.startsWith(`${n} `));
      await using publisher = new Process([...command, pipe]);
      const printed = publisher.ended();
      await publisher.write(`${mine.join("\n")}\n`);
      await publisher.end();
      assertEquals((await printed).stderr, "");
    }));
    await finish(pub(pipe, "exit"));
    const lines = (await arrived).stdout.trimEnd().split("\n");
    assertEquals(lines.toSorted(), sent.toSorted());
  },
);

languageTest(
  "the textbook's subscriber, unchanged, gets all messages of one pub",
  [PYTHON],
  async () => {
    await using folder = new Folder();
    const pipe = await folder.fifo();
    const command = await prepare(PYTHON, TEXTBOOK, "subscriber");
    await using subscriber = new Process([...command, pipe]);
    await using publisher = pub("-l", pipe);
    await publisher.write("21.5\n21.6\n");
    await publisher.end();
    assertEquals(await subscriber.until("21.6\n"), "Received: 21.5\n21.6\n");
  },
);
