#!/usr/bin/env -S deno run --allow-read --allow-write --allow-net --allow-run=mkfifo --allow-env=FIFOBUS_*,XDG_RUNTIME_DIR --allow-sys=uid
/**
 * Publishes messages to named pipes (FIFOs) and topics: the program `pub`.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-net \
 *   --allow-run=mkfifo '--allow-env=FIFOBUS_*,XDG_RUNTIME_DIR' \
 *   --allow-sys=uid pub.ts /tmp/mypipe hello
 * ```
 *
 * @module
 */
import { run } from "./lib/cli/pub/main.ts";

// A wait for a lock cannot be called off, and would keep the process alive.
if (import.meta.main) Deno.exit(await run(Deno.args, Deno));
