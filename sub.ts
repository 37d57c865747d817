#!/usr/bin/env -S deno run --allow-read --allow-write --allow-net --allow-run=mkfifo,sh --allow-env=FIFOBUS_*,XDG_RUNTIME_DIR,TERM,LC_ALL,LC_CTYPE,LANG --allow-sys=uid
/**
 * Prints the messages of named pipes (FIFOs) and topics: the program `sub`.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-net \
 *   --allow-run=mkfifo,sh '--allow-env=FIFOBUS_*,XDG_RUNTIME_DIR,TERM,LC_ALL,LC_CTYPE,LANG' \
 *   --allow-sys=uid sub.ts /tmp/mypipe
 * ```
 *
 * It runs `sh` for `--exec`, and uses the network for `mqtt://` addresses and
 * `--serve` only.
 *
 * @module
 */
import { run } from "./lib/cli/sub/main.ts";

// A wait for a lock cannot be called off, and would keep the process alive.
if (import.meta.main) Deno.exit(await run(Deno.args, Deno));
