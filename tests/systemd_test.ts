/**
 * The units in examples/systemd, as far as systemd's own tools know.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { assertMatch } from "jsr:@std/assert@1.0.19/match";
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

testWithout(
  absent,
  "the units are closed to what they do not need",
  async () => {
    // A user's manager has no rights to take away what an account of its own can.
    const exposures = {
      "fifobus-on-alarm.service": 10,
      "fifobus-record.service": 60,
      "fifobus-jobs.service": 60,
    };
    for (const [name, tenths] of Object.entries(exposures)) {
      const path = `${ROOT}examples/systemd/${name}`;
      assertMatch(await Deno.readTextFile(path), /^Type=exec$/m);
      const { code, stdout } = await finish(
        new Process([
          ...["systemd-analyze", "security", "--offline=true"] as const,
          ...["--no-pager", `--threshold=${tenths}`, path],
        ]),
      );
      assertEquals(code, 0, stdout);
    }
  },
);

testWithout(
  absent,
  "systemd-tmpfiles cleans /tmp, but not the bus of a user",
  async () => {
    await using root = new Folder();
    const old = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
    for (const name of ["fifobus-1000", "another"]) {
      await Deno.mkdir(root.file(`tmp/${name}`), { recursive: true });
      await Deno.writeTextFile(root.file(`tmp/${name}/it`), "");
      await Deno.utime(root.file(`tmp/${name}/it`), old, old);
      await Deno.utime(root.file(`tmp/${name}`), old, old);
    }
    await Deno.mkdir(root.file("etc/tmpfiles.d"), { recursive: true });
    const ours = "fifobus-user.conf";
    await Deno.copyFile(
      `${ROOT}examples/systemd/${ours}`,
      root.file(`etc/tmpfiles.d/${ours}`),
    );
    // As Debian and Fedora have it; "amAM:", as no test can change a ctime.
    const theirs = root.file("etc/tmpfiles.d/tmp.conf");
    await Deno.writeTextFile(theirs, "e /tmp - - - amAM:10d\n");
    const command: Command = [
      "systemd-tmpfiles",
      "--clean",
      "--root",
      root.path,
    ];
    const { code, stderr } = await finish(new Process(command));
    assertEquals([code, stderr], [0, ""]);
    const find: Command = ["find", root.file("tmp"), "-type", "f"];
    const { stdout } = await finish(new Process(find));
    assertEquals(stdout, `${root.file("tmp/fifobus-1000/it")}\n`);
  },
);
