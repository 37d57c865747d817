/**
 * The header of the queue file of a FIFO: all that publishers use of the file.
 * They mark there that they are within a message, and let a reader leave. It is
 * a module of its own because `pub` loads it at each start.
 *
 * The file is `.NAME.queue` beside the FIFO. If it cannot be there, it is in the
 * folder of the bus; a file there is the one to use as long as it exists. A
 * reader has the turn while it holds the lock on the file, see flock(2). The
 * file starts with a header of 53 bytes of text:
 *
 * - `fifobus queue 1` and a line feed
 * - `P` while a publisher is within a message of several writes, else `-`
 * - how many such messages have begun, in two digits
 * - `L` while a reader leaves, which publishers let go first, else `-`
 * - `R` while a reader is within a message, `r` while it reads at the end of a
 *   message, `B` if the file ends with the beginning of a message that a reader
 *   with the FIFO open has left there, else `-`
 * - the two digits of the publishers as that reader saw them; behind `B` the
 *   last two of the inode number of its FIFO
 * - where the messages begin, in 14 digits, a space, where they end, in 14
 *   digits, and a line feed
 *
 * @module
 */
import { folderPath } from "../address.ts";
import { CAN_TRY_LOCK, isSameFile, ownUid, tryLock } from "./file.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The parts of the header, and where they are. */
export const MAGIC = "fifobus queue 1\n";
export const PUBLISHER_AT = MAGIC.length;
export const COUNT_AT = PUBLISHER_AT + 1;
export const COUNT_DIGITS = 2;
export const LEAVING_AT = COUNT_AT + COUNT_DIGITS;
export const READER_AT = LEAVING_AT + 1;
const HEAD_AT = READER_AT + 1 + COUNT_DIGITS;
export const DIGITS = 14;

/** Where the messages begin in a new file. */
export const HEADER_BYTES = HEAD_AT + 2 * (DIGITS + 1);

/** The mark for: a publisher is within a message. */
export const TORN_PUBLISHER = "P".charCodeAt(0);

/** The mark for: no publisher is within a message. */
const NOT_TORN = encoder.encode("-");

/** The marks for: a reader leaves, or none does. */
const LEAVING = encoder.encode("L");
const STAYING = encoder.encode("-");

/** The start of a queue file. */
export const MAGIC_BYTES = encoder.encode(MAGIC);

/** The start of a file that was removed from its path. */
export const REMOVED = encoder.encode("removed\n");

/** The count of messages of several writes runs from 1 to this, then again. */
export const MAX_COUNT = 99;

/**
 * Says where the queue file of a FIFO is.
 *
 * @param path The FIFO; a symbolic link to it is followed.
 * @returns The path of the file beside it.
 */
export function pathBeside(path: string): string {
  return Deno.realPathSync(path).replace(/[^/]*$/, (name) => `.${name}.queue`);
}

/**
 * Says where the folder of the bus is.
 *
 * @returns Its absolute path; undefined if this process may not look there.
 */
export function busFolder(): string | undefined {
  // Do not prompt for a permission just for this.
  const isAllowed = ([
    { name: "env", variable: "FIFOBUS_DIR" },
    { name: "env", variable: "XDG_RUNTIME_DIR" },
    { name: "sys", kind: "uid" },
    { name: "read", path: "." },
  ] as const).every((it) => Deno.permissions.querySync(it).state === "granted");
  if (!isAllowed) return undefined;
  const folder = folderPath();
  return folder.startsWith("/") ? folder : `${Deno.cwd()}/${folder}`;
}

/**
 * Says where the queue file of a FIFO is in the folder of the bus.
 *
 * @param bus The folder.
 * @param fifo The stat result of the FIFO.
 * @returns The path of the file.
 */
export function pathIn(bus: string, fifo: Deno.FileInfo): string {
  const { dev, ino, birthtime } = fifo;
  // With the time of its birth: after this FIFO was removed, another FIFO may
  // get its inode number.
  return `${bus}/.queue-${dev}-${ino}-${birthtime?.getTime() ?? 0}`;
}

/**
 * Finds the queue file of a FIFO by way of the folder of the bus.
 *
 * @param bus The folder, if there is one.
 * @param fifo The stat result of the FIFO.
 * @returns The path of the file; if a symbolic link of this user is there, the
 * path to which it leads: beside another name of the FIFO. Undefined if neither
 * is there, or if the link is stale.
 */
export function findIn(
  bus: string | undefined,
  fifo: Deno.FileInfo,
): string | undefined {
  if (bus === undefined) return undefined;
  const path = pathIn(bus, fifo);
  try {
    const { isSymlink, uid } = Deno.lstatSync(path);
    const isOurs = isSymlink && (uid === 0 || uid === ownUid());
    if (!isOurs) return path;
    const target = Deno.readLinkSync(path);
    return isStale(target, fifo) ? undefined : target;
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a queue file beside some name of a FIFO is not its file any more.
 *
 * @param path The queue file.
 * @param fifo The stat result of the FIFO.
 * @returns Whether it is gone, or another FIFO has that name.
 */
export function isStale(path: string, fifo: Deno.FileInfo): boolean {
  if (lstat(path) === undefined) return true;
  const name = lstat(path.replace(/\.([^/]*)\.queue$/, "$1"));
  return name !== undefined && !isSameFile(name, fifo);
}

/** The stat result of a file; undefined if it does not exist. */
function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Thrown if a reader of a FIFO can have no queue file; says why. */
export class NoQueueFile extends Error {}

/** Thrown if the file has a second name, as one that is being made. */
export class TwoNames extends NoQueueFile {}

/** The header of a queue file. */
export class QueueHeader {
  /** Where the file is. */
  readonly path: string;
  protected readonly file: Deno.FsFile;
  protected readonly info: Deno.FileInfo;
  /** The header, as it was read last. */
  protected readonly buffer: Uint8Array<ArrayBuffer> = new Uint8Array(
    HEADER_BYTES,
  );

  #isClearing = false;

  protected constructor(path: string, file: Deno.FsFile, info: Deno.FileInfo) {
    this.path = path;
    this.file = file;
    this.info = info;
  }

  /**
   * Finds the queue file for a publisher, which needs only its marks.
   *
   * @param path The FIFO.
   * @param fifo The stat result of the FIFO.
   * @param isOfBus Whether the FIFO is in the folder of the bus itself.
   * @returns The file; undefined if no fifobus reader has made it.
   */
  static find(
    path: string,
    fifo: Deno.FileInfo,
    isOfBus: boolean,
  ): QueueHeader | undefined {
    // The one in the folder of the bus comes last: most FIFOs have none there,
    // and an error of the system takes time.
    const places = [
      () => pathBeside(path),
      () => isOfBus ? undefined : findIn(busFolder(), fifo),
    ];
    for (const place of places) {
      try {
        const file = place();
        if (file === undefined) continue;
        checkPermissions(file);
        const queue = openExisting(file, fifo);
        if (!queue) continue;
        const header = new QueueHeader(file, queue.file, queue.info);
        // Readers write the header.
        if (header.#isReady()) return header;
        header.close();
      } catch {
        // Readers report an unusable file.
      }
    }
    return undefined;
  }

  #isReady(): boolean {
    this.file.readSync(this.buffer);
    return startsWith(this.buffer, MAGIC_BYTES);
  }

  /**
   * Whether a publisher was killed within a message of several writes;
   * undefined if the file was removed. The caller must hold the lock of the
   * FIFO.
   */
  get isPublisherTorn(): boolean | undefined {
    // Each write of a publisher asks this: so no copy, and no decoder.
    const buffer = this.buffer;
    this.file.seekSync(0, Deno.SeekMode.Start);
    const count = this.file.readSync(buffer) ?? 0;
    if (startsWith(buffer, REMOVED)) return undefined;
    return count > 0 && buffer[PUBLISHER_AT] === TORN_PUBLISHER;
  }

  /**
   * Whether a reader leaves, and waits for the lock of the FIFO: publishers
   * release it without a write. As {@linkcode isPublisherTorn} has seen it last.
   */
  get isReaderLeaving(): boolean {
    return this.buffer[LEAVING_AT] === LEAVING[0];
  }

  /**
   * Removes the mark of a reader that was killed while it left: then nobody has
   * the turn. The lock of the turn is taken for microseconds. Deno 2.6 can only
   * wait for it, and the mark is removed later.
   *
   * @returns Whether it was killed, and the mark is removed.
   */
  clearLeaving(): boolean {
    if (!CAN_TRY_LOCK && !this.#isClearing) this.#clearLater().catch(() => {});
    if (!tryLock(this.file, false)) return false;
    this.markLeaving(false);
    this.file.unlockSync();
    return true;
  }

  async #clearLater(): Promise<void> {
    this.#isClearing = true;
    try {
      // While a handle waits for a lock, it can do nothing else.
      using file = Deno.openSync(this.path, { read: true, write: true });
      await file.lock(true);
      this.markLeaving(false);
    } finally {
      this.#isClearing = false;
    }
  }

  /**
   * Marks that a message of several writes begins, or that it has ended. The
   * caller must hold the lock of the FIFO, and must have checked
   * {@linkcode isPublisherTorn} before.
   *
   * @param isWithin Whether the message begins.
   */
  markPublisher(isWithin: boolean): void {
    const seen = decoder.decode(this.buffer.subarray(COUNT_AT, LEAVING_AT));
    const count = (Number(seen) || 0) % MAX_COUNT + 1;
    const text = `P${`${count}`.padStart(COUNT_DIGITS, "0")}`;
    this.write(
      PUBLISHER_AT,
      isWithin ? encoder.encode(text) : NOT_TORN,
    );
  }

  /** Closes the file, and thereby gives up the turn. */
  close(): void {
    this.file.close();
  }

  /** Whether this file is still at its path. */
  get isInPlace(): boolean {
    try {
      return isSameFile(Deno.lstatSync(this.path), this.info);
    } catch {
      return false;
    }
  }

  /**
   * Marks that the reader leaves, or that it has the lock of the FIFO by now.
   *
   * @param isLeaving Whether it needs the lock.
   */
  markLeaving(isLeaving: boolean): void {
    this.write(LEAVING_AT, isLeaving ? LEAVING : STAYING);
  }

  /** Writes into the file. */
  protected write(at: number, bytes: Uint8Array): void {
    this.file.seekSync(at, Deno.SeekMode.Start);
    writeAll(this.file, bytes);
  }
}

/** Tells whether bytes start with others, or have them at another place. */
export function startsWith(
  bytes: Uint8Array,
  beginning: Uint8Array,
  at = 0,
): boolean {
  for (let i = 0; i < beginning.length; i++) {
    if (bytes[at + i] !== beginning[i]) return false;
  }
  return true;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(file.writeSync(rest));
  }
}

/**
 * Checks permissions without a prompt: if one is missing, go without a file.
 */
export function checkPermissions(path: string): void {
  for (const name of ["read", "write"] as const) {
    const { state } = Deno.permissions.querySync({ name, path });
    if (state === "granted") continue;
    throw new NoQueueFile(
      `${path}: deno run was not given --allow-${name} for it`,
    );
  }
}

/** Opens an existing file, if it can be trusted. */
export function openExisting(
  path: string,
  fifo: Deno.FileInfo,
): { file: Deno.FsFile; info: Deno.FileInfo } | undefined {
  const info = lstat(path);
  if (!info) return undefined;
  checkTrust(path, info, fifo);
  let file;
  try {
    file = Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // openSync() follows links: check that it opened the file we looked at.
  const opened = file.statSync();
  if (isSameFile(opened, info)) return { file, info: opened };
  file.close();
  return undefined;
}

function checkTrust(
  path: string,
  info: Deno.FileInfo,
  fifo: Deno.FileInfo,
): void {
  const fault = info.isSymlink
    ? "it is a symbolic link"
    : !info.isFile
    ? "it is not a regular file"
    : !isOwnerTrusted(info, fifo)
    ? `it belongs to user ${info.uid}`
    : undefined;
  if (fault !== undefined) throw new NoQueueFile(`${path}: ${fault}`);
  if (info.nlink !== 1) throw new TwoNames(`${path}: it has several names`);
}

/**
 * Trusts this user, the FIFO's owner, root, and users who share the FIFO: they
 * can write to the FIFO and read from it anyway.
 */
function isOwnerTrusted({ uid, gid }: Deno.FileInfo, fifo: Deno.FileInfo) {
  if (uid === fifo.uid || uid === 0 || uid === ownUid()) return true;
  const mode = fifo.mode!;
  return gid === fifo.gid && (mode & 0o060) === 0o060 ||
    (mode & 0o006) === 0o006;
}
