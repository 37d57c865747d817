// Prints the messages of a named pipe until it hears "exit".
//
//     node subscriber.mjs /tmp/mypipe
import { execFileSync } from "node:child_process";
import { constants, existsSync, openSync } from "node:fs";
import { Socket } from "node:net";

const path = process.argv[2];
if (!path) {
  console.error("usage: subscriber.mjs PIPE");
  process.exit(2);
}
if (!existsSync(path)) execFileSync("mkfifo", ["-m", "600", "--", path]);
// For reading and writing: it never waits for a publisher, and never sees the
// end of the file when one leaves, so nothing is lost until the next comes.
// As a socket it is polled; a file would hold a thread, and the exit, up.
const { O_RDWR, O_NONBLOCK } = constants;
const pipe = new Socket({ fd: openSync(path, O_RDWR | O_NONBLOCK) });
// EPIPE on standard output: whoever read it has left.
process.stdout.on("error", () => process.exit());

// One character for each byte: a message need not be UTF-8.
let rest = "";
for await (const chunk of pipe.setEncoding("latin1")) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  const end = lines.indexOf("exit");
  if (end >= 0) lines.length = end;
  if (lines.length > 0) {
    process.stdout.write(`${lines.join("\n")}\n`, "latin1");
  }
  if (end >= 0) break;
}
