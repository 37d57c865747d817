/**
 * What is in the binary: both programs. Which of them runs is in the name that
 * the binary was started with, `pub` or `sub`.
 *
 * @module
 */
import process from "node:process";

async function run(name: string): Promise<number> {
  if (name.endsWith("pub")) {
    const { run } = await import("../lib/cli/pub/main.ts");
    return await run(Deno.args, Deno);
  }
  if (name.endsWith("sub")) {
    const { run } = await import("../lib/cli/sub/main.ts");
    return await run(Deno.args, Deno);
  }
  console.error(
    `${name}: Cannot tell which program to be: name the file, or a link to ` +
      "it, pub or sub",
  );
  return 2;
}

if (import.meta.main) {
  Deno.exit(await run(process.argv0.replace(/^.*\//s, "")));
}
