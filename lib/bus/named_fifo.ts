/**
 * The FIFO of a process on the bus, with a name for each filter of the process.
 *
 * @module
 */
import { FifobusError } from "../errors.ts";
import { CAN_TRY_LOCK, ensureFifo, isSameFile, tryLock } from "../fifo/file.ts";
import { FifoReader } from "../fifo/reader.ts";
import { load } from "../load.ts";
import type { Delimiter } from "../wire/framing.ts";
import { type Bus, lstatIfThere, tidy } from "./folder.ts";
import type { JoinOptions } from "./join_options.ts";
import { memberName, subscriptionName } from "./names.ts";

type IsRead = (path: string) => boolean | undefined;

/** The FIFO of an inbox, with a name for each filter. */
export class NamedFifo {
  readonly #bus: Bus;
  readonly #member: string;
  readonly #delimiter: Delimiter;
  readonly #info: Deno.FileInfo;
  #hasLinks = false;
  /** Reads it. */
  readonly reader: FifoReader;
  /** Keeps systemd-tmpfiles away from the folder while it is open. */
  readonly #folder: Deno.FsFile;
  /** Tells whether a FIFO is read, where Deno cannot try a lock. */
  readonly #isRead: IsRead | undefined;

  private constructor(
    { bus, delimiter }: JoinOptions,
    member: string,
    isRead: IsRead | undefined,
  ) {
    this.#bus = bus;
    this.#member = member;
    this.#delimiter = delimiter;
    this.reader = new FifoReader(this.#hidden, delimiter);
    this.#info = this.reader.info;
    this.#folder = Deno.openSync(bus.path);
    if (CAN_TRY_LOCK) tryLock(this.#folder, false);
    else this.#folder.lock(false).catch(() => {});
    this.#isRead = isRead;
  }

  /**
   * Makes the FIFO under a hidden name and opens it, so that a visible name
   * always has a reader.
   */
  static async open(options: JoinOptions): Promise<NamedFifo> {
    const { bus, origin } = options;
    const isRead = CAN_TRY_LOCK ? undefined : await loadIsRead();
    // A new name each time: publishers may still write to an older FIFO.
    const member = memberName(origin);
    const path = `${bus.path}/.${member}`;
    await ensureFifo(path, bus.mode & 0o666);
    try {
      bus.share(path, 0o666);
      return new NamedFifo(options, member, isRead);
    } catch (error) {
      tidy(path);
      throw error;
    }
  }

  get #hidden(): string {
    return `${this.#bus.path}/.${this.#member}`;
  }

  #path(filter: string): string {
    const name = subscriptionName(filter, this.#member, this.#delimiter);
    return `${this.#bus.path}/${name}`;
  }

  #isAt(path: string): boolean {
    const info = lstatIfThere(path);
    return info !== undefined && isSameFile(info, this.#info);
  }

  /** Gives it another name. */
  link(filter: string): void {
    const path = this.#path(filter);
    try {
      Deno.linkSync(this.#hidden, path);
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) throw this.#noLinks();
      throw error;
    }
    this.#hasLinks ||= this.#isLink(path);
    if (this.#hasLinks) return;
    tidy(path);
    throw this.#noLinks();
  }

  /**
   * Whether both names are one FIFO for the kernel. FUSE may make two FIFOs
   * with the same inode number; a lock tells them apart, or that nobody reads
   * the other one.
   */
  #isLink(path: string): boolean {
    if (!this.#isAt(path)) return false;
    if (this.#isRead) return this.#isRead(path) !== false;
    const both = { read: true, write: true };
    using one = Deno.openSync(this.#hidden, both);
    using other = Deno.openSync(path, both);
    return tryLock(one, true) !== true || tryLock(other, true) === false;
  }

  /** FUSE makes a separate file for each name; Android allows no hard links. */
  #noLinks(): FifobusError {
    return new FifobusError(
      "unsafe_bus",
      `Cannot use "${this.#bus.path}" as the bus: its file system has no hard ` +
        "links to FIFOs; set FIFOBUS_DIR to a folder of another one",
    );
  }

  /** Removes a name. */
  unlink(filter: string): void {
    tidy(this.#path(filter));
  }

  /**
   * Makes removed names again.
   *
   * @param filters All filters that it should have a name for.
   * @returns Whether it has all names now; false if none was left.
   */
  mend(filters: Iterable<string>): boolean {
    const wanted = [this.#hidden, ...[...filters].map((it) => this.#path(it))];
    const there = wanted.find((path) => this.#isAt(path));
    if (there === undefined) return false;
    for (const path of wanted) {
      if (!lstatIfThere(path)) Deno.linkSync(there, path);
      else if (!this.#isAt(path)) return false;
    }
    return true;
  }

  /** Removes all its names. */
  unlinkAll(filters: Iterable<string>): void {
    this.hide(filters);
    tidy(this.#hidden);
  }

  /** Removes the names that publishers see; {@linkcode mend} remakes them. */
  hide(filters: Iterable<string>): void {
    for (const filter of filters) this.unlink(filter);
  }

  /**
   * Closes it.
   *
   * @returns When nothing is being written to it, either.
   */
  close(): Promise<void> {
    this.#folder.close();
    return this.reader.close();
  }
}

async function loadIsRead(): Promise<IsRead> {
  const { isRead } = await load<typeof import("../fifo/nonblocking.ts")>(
    import.meta.resolve("../fifo/nonblocking.ts"),
  );
  return isRead;
}
