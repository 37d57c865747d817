/** A folder of the test's own. */
export class Folder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "fifobus-test-" });

  /** The path of a file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Makes a FIFO in it, for programs that make none themselves: echo, cat. */
  async fifo(name = "pipe"): Promise<string> {
    const path = this.file(name);
    await new Deno.Command("mkfifo", { args: [path] }).output();
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
