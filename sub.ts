#!/usr/bin/env -S deno run --allow-read --allow-write --allow-run=mkfifo
/**
 * Prints the messages of named pipes (FIFOs): the program `sub`.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run=mkfifo sub.ts /tmp/mypipe
 * ```
 *
 * @module
 */
import { run } from "./lib/cli/sub.ts";

if (import.meta.main) Deno.exitCode = await run(Deno.args, Deno);
