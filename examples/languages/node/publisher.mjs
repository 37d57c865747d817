// Publishes each line of standard input to a named pipe.
//
//     node publisher.mjs /tmp/mypipe
import { closeSync, constants, openSync, writeSync } from "node:fs";

const path = process.argv[2];
if (!path) {
  console.error("usage: publisher.mjs PIPE");
  process.exit(2);
}
// Waits for a reader. Not "w", which would make a regular file where there is
// no pipe; the pipe stays open between messages.
const open = () => openSync(path, constants.O_WRONLY);
let pipe = open();

function publish(message) {
  while (true) {
    try {
      // The message and its line feed in one write(2): up to 4096 bytes no
      // other publisher can get in between.
      return writeSync(pipe, `${message}\n`, null, "latin1");
    } catch (error) {
      if (error.code !== "EPIPE") throw error;
      // The reader has left, and the message is not in the pipe. It waits for
      // the next reader.
      closeSync(pipe);
      pipe = open();
    }
  }
}

// One character for each byte: a message need not be UTF-8.
let rest = "";
for await (const chunk of process.stdin.setEncoding("latin1")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  lines.forEach(publish);
}
if (rest) publish(rest);
