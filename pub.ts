#!/usr/bin/env -S deno run --allow-read --allow-write --allow-run=mkfifo --allow-env=FIFOBUS_DIR,FIFOBUS_MAX_SIZE,FIFOBUS_SLOW_TIMEOUT,XDG_RUNTIME_DIR --allow-sys=uid
/**
 * Publishes messages to a named pipe (FIFO): the program `pub`.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run=mkfifo \
 *   --allow-env=FIFOBUS_DIR,FIFOBUS_MAX_SIZE,FIFOBUS_SLOW_TIMEOUT,XDG_RUNTIME_DIR \
 *   --allow-sys=uid pub.ts /tmp/mypipe hello
 * ```
 *
 * @module
 */
import { run } from "./lib/cli/pub.ts";

if (import.meta.main) Deno.exitCode = await run(Deno.args, Deno);
