/**
 * The recipes of the README: each is run as it stands there, and does what its
 * sentence says. What a test machine has not is a script of the same name.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Folder } from "./harness/folder.ts";
import { freePort, Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { missingOf } from "./harness/needs.ts";
import { page } from "./harness/pages.ts";
import { ROOT } from "./harness/programs.ts";
import { Shell } from "./harness/shell.ts";
import * as waiting from "./harness/waiting.ts";

/** How a recipe is tried. */
interface Trial {
  /** Programs that it needs. */
  needs?: string[];
  /** Scripts that stand for programs of other machines. */
  programs?: Record<string, string>;
  /** What stands for a word of the recipe. */
  stand?: [string, string][];
  /** Further variables of the environment. */
  env?: Record<string, string>;
  /** Where it runs, if not in a folder of its own. */
  cwd?: string;
  /** What is there before it starts. */
  before?: string;
  /** If it runs until it is stopped: what happens meanwhile. */
  meanwhile?: string;
  /** If it ends: what is looked at then. */
  after?: string;
  /** All that is printed, in any order. */
  prints: string[];
}

const JOBS = `exec 2>/dev/null
  printf '%s\\n' '#!/bin/sh' 'read -r job' '[ "$job" != bad ] && echo "did $job"' > work.sh
  chmod +x work.sh`;

/** Functions for the trials. */
const HELP = `
  # Waits until somebody subscribes to a filter.
  subscribed() { until sub --list 2>/dev/null | grep -qF "$1"; do sleep 0.1; done; }
  # Repeats a command until /tmp/got is there.
  until_got() { until [ -s /tmp/got ]; do "$@"; sleep 0.1; done; cat /tmp/got; }
`;

const TRIALS: Record<string, Trial> = {
  "sub --dashboard --serve 8080": {
    stand: [["8080", `${freePort()}`]],
    meanwhile: "pub --wait warehouse/a1/temperature 21.5 >/dev/null",
    prints: [
      "sub: serving http://127.0.0.1:8080/",
      "warehouse/a1/temperature\t21.5",
    ],
  },
  "Ship a log": {
    before:
      "touch /tmp/app.log; sub -C 1 log/app > /tmp/got & subscribed log/app",
    meanwhile: "append() { echo hello >> /tmp/app.log; }; until_got append",
    prints: ["hello"],
  },
  "Ship only its errors": {
    before:
      "touch /tmp/app.log; sub -C 1 log/errors > /tmp/got & subscribed log/errors",
    meanwhile:
      "append() { printf 'fine\\nERROR disk\\n' >> /tmp/app.log; }; until_got append",
    prints: ["ERROR disk"],
  },
  "Publish what a program measures": {
    needs: ["python3"],
    before: `echo 'import time; print(21.5); time.sleep(600)' > sensor.py
      sub -C 1 warehouse/a1/temperature > /tmp/got &
      subscribed warehouse/a1/temperature`,
    meanwhile: "until_got",
    prints: ["21.5"],
  },
  "Wait for an event in a script": {
    meanwhile: "pub --wait build/done yes",
    prints: ["yes", "The build is done."],
  },
  "Ask, and wait for the answer": {
    before: `sub -C 1 --exec 'read -r what; pub answer "I am"' question &
      subscribed question`,
    prints: ["I am"],
  },
  "Look into a pipeline whenever you like": {
    needs: ["python3"],
    before: `echo 'import time; print(21.5); time.sleep(600)' > sensor.py
      printf '%s\\n' '#!/bin/sh' 'exec cat' > store.sh; chmod +x store.sh
      sub -C 1 debug/raw > /tmp/got & subscribed debug/raw`,
    meanwhile: "until_got",
    prints: ["21.5", "21.5"],
  },
  "Build once after a burst of changes": {
    programs: { make: 'echo "made after $(cat)"' },
    meanwhile: "printf 'a.c\\nb.c\\n' | pub -l --wait src/changed",
    prints: ["made after b.c"],
  },
  "Read JSON with jq": {
    needs: ["jq"],
    meanwhile: `pub --wait room/a '{"celsius": 21.5}'`,
    prints: ["room/a: 21.5"],
  },
  "Rename topics": {
    before: "sub -v 'out/#' & subscribed 'out/#'",
    meanwhile: "pub --wait in/a hello",
    prints: ["out/a\thello"],
  },
  "Fan out": {
    before: `sub -C 1000 numbers | tail -n 1 &
      sub -C 1000 numbers | tail -n 1 &`,
    prints: ["1000", "1000"],
  },
  "Feed a status bar": {
    programs: { lemonbar: "exec cat" },
    meanwhile: "pub --wait status/bar 12:00",
    prints: ["12:00"],
  },
  "Keep everything in a file": {
    meanwhile: `pub --wait a/b hello
      until [ -s /tmp/bus.log ]; do sleep 0.1; done; cut -d ' ' -f 2- /tmp/bus.log`,
    prints: ["a/b hello"],
  },
  "Record what happens": {
    meanwhile: `pub --wait warehouse/a1/temperature 21.5
      until [ -s night.json ]; do sleep 0.1; done; grep -c 21.5 night.json`,
    prints: ["1"],
  },
  "Replay it with the same pauses": {
    before: `sub -v '#' & subscribed '#'
      echo '{"topic":"warehouse/a1/temperature","message":"21.5"}' > night.json`,
    prints: ["replay/warehouse/a1/temperature\t21.5"],
  },
  "Work on four jobs at a time": {
    before: JOBS,
    meanwhile:
      `printf 'one\\nbad\\ntwo\\n' | pub -l /tmp/jobs; sub -C 1 /tmp/failed`,
    prints: ["did one", "did two", "bad"],
  },
  "Try the failed jobs again": {
    // What the first reader leaves is there when the recipe starts.
    before: `printf 'one\\ntwo\\nthree\\n' | pub -l /tmp/failed &
      sub -C 1 /tmp/failed; sub /tmp/jobs &`,
    prints: ["one", "two", "three"],
  },
  "Be a worker in a loop of the shell": {
    before: JOBS,
    meanwhile: `printf 'one\\ntwo\\n' | pub -l /tmp/jobs`,
    prints: ["did one", "did two"],
  },
  "Share a topic among the workers": {
    before: JOBS,
    meanwhile: "pub --wait jobs/a one; pub jobs/b two",
    prints: ["did one", "did two"],
  },
  "Queue the names of files": {
    before: `touch $'two\\nlines.jpg'
      echo "$(sub --null -C 1 /tmp/photos | tr '\\0\\n' ' +')" &`,
    prints: ["./two+lines.jpg "],
  },
  "Send a large file through a pipe": {
    before: "head -c 3000000 /dev/urandom > movie.mp4",
    after: "cmp movie.mp4 copy.mp4 && echo same",
    prints: ["same"],
  },
  "Publish from Python without a library": {
    needs: ["python3"],
    before: "sub /tmp/mypipe & until [ -p /tmp/mypipe ]; do sleep 0.1; done",
    prints: ["hello"],
  },
  "The same in Go": {
    needs: ["go"],
    env: { GOCACHE: `${ROOT}examples/.cache/go`, GOTOOLCHAIN: "local" },
    before: "sub /tmp/mypipe & until [ -p /tmp/mypipe ]; do sleep 0.1; done",
    prints: ["hello"],
  },
  "Subscribe in TypeScript": {
    cwd: ROOT,
    meanwhile: "pub --wait warehouse/a1 hello",
    prints: ["hello"],
  },
  "Publish from a container to the host": {
    programs: {
      docker: `[ "$1 $2 $3" = "run --rm -v" ] || exit
        line=\${@: -1}; exec sh -c "\${line//\${4#*:}/\${4%%:*}}"`,
    },
    before: "sub /tmp/mypipe & until [ -p /tmp/mypipe ]; do sleep 0.1; done",
    prints: ["hello"],
  },
  "Get the topics of another machine": {
    programs: {
      ssh: `shift; export FIFOBUS_DIR=$HOME/remote; exec sh -c "$*"`,
    },
    before: "sub -v 'warehouse/#' & subscribed 'warehouse/#'",
    meanwhile: "FIFOBUS_DIR=~/remote pub --wait warehouse/a1 21.5",
    prints: ["warehouse/a1\t21.5"],
  },
  "Publish every five minutes": {
    programs: {
      crontab: `[ "$1" = - ] && exec cat > ~/crontab; echo none >&2; exit 1`,
    },
    before: "exec 2>/dev/null; sub -C 1 load > /tmp/got & subscribed load",
    after: `{ read -r path; read -r line; } < ~/crontab
      cron() {
        env -i HOME="$HOME" FIFOBUS_DIR="$FIFOBUS_DIR" DENO_DIR="$DENO_DIR" \\
          "$path" sh -c "\${line#'*/5 * * * * '}"
      }
      until_got cron | grep -o 'load average'`,
    prints: ["load average"],
  },
  "Start a worker with its first job": {
    programs: { systemctl: 'echo "$@"' },
    after: "ls ~/.config/systemd/user",
    prints: [
      "--user enable --now fifobus-jobs.socket",
      "fifobus-jobs.service",
      "fifobus-jobs.socket",
    ],
  },
  "Share a bus with the users of a group": {
    stand: [["/srv/", "/tmp/"]],
    // The group may be none of ours.
    programs: { sudo: '[ "$5" = -g ] && exec "${@:1:4}" "$7"' },
    after: `stat -c %a /srv/bus
      FIFOBUS_DIR=/srv/bus sub --mode 2770 --retained-only news`,
    prints: ["2770", "hello"],
  },
  "Serve Prometheus": {
    stand: [["8080", `${freePort()}`]],
    meanwhile: `pub --wait warehouse/a1 21.5
      scrape() {
        deno eval 'console.log(await (await fetch(Deno.args[0])).text())' \\
          http://localhost:8080/metrics 2>/dev/null | grep 21.5 | head -n 1 > /tmp/got
      }
      until_got scrape | grep -o 'warehouse/a1.*'`,
    prints: [
      "sub: serving http://127.0.0.1:8080/",
      'warehouse/a1"} 21.5',
    ],
  },
  "Mail each alarm": {
    programs: { mail: `printf '%s\\n%s\\n' "$*" "$(cat)"` },
    meanwhile: "pub --wait alarm/fire 'it burns'",
    prints: ["-s alarm/fire you@example.org", "it burns"],
  },
  "Raise an alarm when a sensor is silent": {
    stand: [["60", "0.3"]],
    before: "sub -v alarm/a1 & subscribed alarm/a1",
    prints: ["alarm/a1\tno temperature"],
  },
};

/** Tried with a broker. */
const BRIDGE: Trial = {
  before: "mosquitto_sub -v -C 1 -t 'site1/#' > /tmp/got &",
  meanwhile: "until_got pub --wait warehouse/a1 21.5",
  prints: ["site1/a1 21.5"],
};

const { blocks } = page("README.md");

/** The recipes, by their sentences; and the dashboard of the tour. */
const RECIPES = blocks
  .filter(({ language, heading }) => language === "sh" && heading !== "Install")
  .flatMap(({ text }) => text.trimEnd().split("\n\n"));

const noShell = await missingOf(["bash", "setsid"]);

async function attempt(recipe: string, trial: Trial): Promise<void> {
  const { before, meanwhile, after, prints } = trial;
  await using shell = await Shell.start(trial);
  const printed = await shell.run(HELP);
  if (before) printed.push(...await shell.run(before));
  if (meanwhile) {
    printed.push(...await shell.run(`{ ${recipe}\n} &\n${meanwhile}`));
  } else printed.push(...await shell.run(recipe));
  if (after) printed.push(...await shell.run(after));
  const missing = prints.length - printed.length;
  if (missing > 0) printed.push(...await shell.run("", missing));
  printed.push(...await shell.end());
  assertEquals(printed.toSorted(), prints.toSorted());
}

for (const recipe of RECIPES) {
  const sentence = recipe.replace(/^# /, "").split("\n")[0]!;
  const [key] = Object.keys(TRIALS).filter((it) => sentence.startsWith(it));
  const name = `README: ${sentence}`;
  if (sentence.startsWith("Join the topics to a broker")) {
    waiting.testWithout([...noShell, ...withoutMosquitto], name, async () => {
      await using folder = new Folder();
      await using broker = await Mosquitto.start(folder);
      await attempt(recipe, {
        ...BRIDGE,
        stand: [
          ["broker.example.org", `localhost:${broker.port}`],
          ["mosquitto_sub", `mosquitto_sub -p ${broker.port}`],
        ],
      });
    });
    continue;
  }
  if (!key) {
    Deno.test(name, () => {
      throw new Error("no trial runs this recipe");
    });
    continue;
  }
  const { needs = [] } = TRIALS[key]!;
  const absent = [...noShell, ...await missingOf(needs)];
  waiting.testWithout(absent, name, () => attempt(recipe, TRIALS[key]!));
}

Deno.test("each trial of a recipe has its recipe in the README", () => {
  const sentences = RECIPES.map((it) => it.replace(/^# /, ""));
  const unused = Object.keys(TRIALS)
    .filter((key) => !sentences.some((it) => it.startsWith(key)));
  assertEquals(unused, []);
});
