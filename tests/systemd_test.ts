/**
 * The units in examples/systemd, as far as `systemd-analyze verify` knows.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { type Command, ROOT } from "./harness/programs.ts";
import { Folder } from "./harness/folder.ts";
import { isThere, testWithout } from "./harness/needs.ts";
import { finish, Process } from "./harness/process.ts";

const absent = await isThere("systemd-analyze", "--version")
  ? []
  : ["systemd-analyze"];

testWithout(absent, "systemd-analyze finds no fault in the units", async () => {
  await using folder = new Folder();
  const units = {
    "fifobus-on-alarm.service": [],
    "fifobus-record.service": ["--user"],
    "fifobus-jobs.service": ["--user"],
    "fifobus-jobs.socket": ["--user"],
  };
  for (const [name, options] of Object.entries(units)) {
    const path = folder.file(name);
    const unit = await Deno.readTextFile(`${ROOT}examples/systemd/${name}`);
    // It wants to see the program, which is not installed here.
    const program = /^(ExecStart=)\S+\/sub /m;
    await Deno.writeTextFile(path, unit.replace(program, `$1${ROOT}sub.ts `));
    const command: Command = ["systemd-analyze", ...options, "verify", path];
    const env = { XDG_RUNTIME_DIR: folder.path };
    const { code, stderr } = await finish(new Process(command, env));
    assertEquals([code, stderr], [0, ""]);
  }
});
