#!/usr/bin/env -S deno run --allow-read --allow-write --allow-run=mkfifo,sh --allow-env=FIFOBUS_DIR,FIFOBUS_MAX_SIZE,XDG_RUNTIME_DIR --allow-sys=uid
/**
 * Prints the messages of named pipes (FIFOs): the program `sub`.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run=mkfifo,sh \
 *   --allow-env=FIFOBUS_DIR,FIFOBUS_MAX_SIZE,XDG_RUNTIME_DIR \
 *   --allow-sys=uid sub.ts /tmp/mypipe
 * ```
 *
 * It runs `sh` for `--exec` only.
 *
 * @module
 */
import { run } from "./lib/cli/sub.ts";

if (import.meta.main) Deno.exitCode = await run(Deno.args, Deno);
