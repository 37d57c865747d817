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
import { run } from "./lib/cli/pub.ts";

if (import.meta.main) Deno.exitCode = await run(Deno.args, Deno);
