#!/usr/bin/env python3
"""Topics over FIFOs without any code of fifobus: docs/protocol.md in Python.

    fifobus.py pub [-r] [-t SECONDS] TOPIC [MESSAGE]      or each line of its input
    fifobus.py sub [-n COUNT] FILTER...                   prints TOPIC, a tab, MESSAGE
    fifobus.py ask [-n 1] [-t SECONDS] TOPIC MESSAGE      prints the answers
    fifobus.py answer TOPIC COMMAND...                    a request is its input

As a module: Publisher and Subscriber below. The numbers in the comments are
those of docs/protocol.md. Its messages end with a line feed; it also publishes to
members whose messages end with NUL. It needs Python 3.9.
"""

import collections
import contextlib
import errno
import fcntl
import functools
import getopt
import os
import re
import select
import signal
import stat
import subprocess
import sys
import time
import typing
import urllib.parse

PIPE_BUF = select.PIPE_BUF
PIECE = PIPE_BUF - 16  # 8.3
MAX_BYTES = 1024 * 1024
MAX_TAG_BYTES = 131_072
PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"  # 6.3
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
WAKE = re.compile(rb"\x16fifobus wake .{8}\x16\Z", re.S)
MARK = re.compile(rb"\x18fifobus (?:torn|lost|large ([0-9]{1,16}))\x18\Z")
MISSED = re.compile(r"\x18fifobus missed ([0-9]{1,15})(?: (.+))?\x18\Z")
TORN, LOST = b"\x18fifobus torn\x18\n", b"\x18fifobus lost\x18\n"


class Message(typing.NamedTuple):
    topic: str
    text: bytes
    reply_to: "str | None" = None


class Slow(Exception):
    """A member did not read in time."""


class Left(Exception):
    """A member has no name any more, or is not one to write to."""


class Dead(Exception):
    """Nobody reads the FIFO of a member."""


def note(text):
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr, flush=True)


def check_topic(topic):
    """Raises ValueError if a text is not a topic, 6.1."""
    size = len(topic.encode())
    if not 0 < size <= 65_535 or CONTROL.search(topic):
        raise ValueError(f"{topic[:100]!r} is not a topic: length or characters")
    if set("+#") & set(topic) or topic.startswith("$share/"):
        raise ValueError(f"{topic[:100]!r} is a filter, not a topic")


def matches(topic_filter, topic):
    """Tells whether a filter matches a topic, 6.2."""
    if topic[0] == "$" and topic_filter[0] in "+#":
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)


def encode(text):
    """Makes a file name of a topic or a filter, 6.3."""
    name = "".join(chr(it) if it in PLAIN else f"%{it:02X}" for it in text.encode())
    return re.sub(r"^\.", "%2E", name)


def decode(name):
    """The topic or filter of a file name; None for a foreign file."""
    try:
        text = urllib.parse.unquote(name, errors="strict")
    except UnicodeError:
        return None
    if re.search("%(?![0-9A-Fa-f]{2})", name):
        return None
    return None if text == "" or CONTROL.search(text) else text


def is_owner_trusted(info):
    return info.st_uid in (os.getuid(), 0)


def open_bus():
    """Finds the folder of the bus, 5.1, makes it, and checks it, 5.2."""
    path = os.environ.get("FIFOBUS_DIR")
    if not path:
        run = os.environ.get("XDG_RUNTIME_DIR")
        user = f"/run/user/{os.getuid()}"
        if not run and os.path.isdir(user) and os.lstat(user).st_uid == os.getuid():
            run = user
        path = f"{run}/fifobus" if run else f"/tmp/fifobus-{os.getuid()}"
        if run and not os.path.lexists(path) and not is_owner_trusted(os.stat(run)):
            raise OSError(f"{run} is the folder of another user")
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode) or not is_owner_trusted(info) or info.st_mode & 0o022:
        raise OSError(f"{path} is not a folder that only this user can write to")
    return os.path.abspath(path)


def members(bus):
    """Lists the members, 7.1: for each ID its names, as (filter, name)."""
    found = collections.defaultdict(list)
    for entry in os.scandir(bus):
        before, at, member = entry.name.partition("@")
        topic_filter = decode(before)
        if not at or topic_filter is None or entry.is_symlink():
            continue
        if entry.is_dir() or entry.is_file():
            continue
        # A group has a FIFO for each filter: it goes by its whole name.
        found[entry.name if member[:1] == "+" else member].append((topic_filter, entry.name))
    return found


def remove(path):
    """Removes a FIFO that its owner has left, if that is allowed."""
    with contextlib.suppress(OSError):
        if stat.S_ISFIFO(os.lstat(path).st_mode):
            os.unlink(path)


class Link:
    """A publisher's way to one member."""

    def __init__(self, bus, member, timeout):
        self.bus, self.member, self.timeout = bus, member, timeout
        self.end = b"\0" if member.endswith("@0") else b"\n"
        self.names = []
        self.fd = None
        self.torn = self.stalled = False
        self.missed = collections.Counter()

    def send(self, topic, record):
        """Writes a record. Yields while it has to wait; returns whether it was written."""
        if self.end in record:
            return self.drop(topic, "it takes no message that holds its delimiter")
        try:
            yield from self.tell_missed()
            yield from self.put(record + self.end)
            self.stalled = False
            return True
        except Slow as reason:
            self.stalled = True
            return self.drop(topic, reason)
        except Dead:
            for _, name in self.names:
                remove(f"{self.bus}/{name}")
            remove(f"{self.bus}/.{self.member.removesuffix('@0')}")
        except Left:
            pass
        return False

    def drop(self, topic, reason):
        """Counts a message that the member has missed, 8.5."""
        is_counted = topic in self.missed or len(self.missed) < 16
        self.missed[topic if is_counted and len(topic.encode()) <= 1000 else ""] += 1
        note(f"1 message dropped for {self.member}: {reason}")
        return False

    def tell_missed(self):
        for topic, count in list(self.missed.items()):
            what = f"{count} {topic}" if topic else f"{count}"
            yield from self.put(f"\x18fifobus missed {what}\x18".encode() + self.end)
            del self.missed[topic]

    def open(self):
        for _, name in self.names:
            try:
                fd = os.open(f"{self.bus}/{name}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    raise Dead from None
                continue
            info = os.fstat(fd)
            if stat.S_ISFIFO(info.st_mode) and is_owner_trusted(info):
                return fd
            os.close(fd)
        raise Left

    def put(self, record):
        """Writes a record with its delimiter whole, or not at all."""
        while True:
            if self.fd is None:
                self.fd = self.open()
            try:
                return (yield from self.put_locked(record))
            except BrokenPipeError:
                self.close()  # open() tells whether it is dead or has left

    def put_locked(self, record):
        large = len(record) > PIPE_BUF
        kind = fcntl.LOCK_EX if large else fcntl.LOCK_SH  # 2.3
        yield from self.lock(kind)
        queue = None
        try:
            queue = yield from self.open_queue(kind)
            # What must be in the FIFO before this record.
            head = os.pread(queue, 53, 0) if queue else b""
            was_killed = head[16:17] == b"P"
            if was_killed:
                yield from self.write(LOST[:-1] + self.end)
            if self.torn:
                yield from self.write(TORN[:-1] + self.end)
                self.torn = False
            if large and queue:
                os.pwrite(queue, b"P%02d" % (int(head[17:19]) % 99 + 1), 16)
            elif large:
                yield from self.write(b"\x18fifobus large %d\x18" % (len(record) - 1) + self.end)
            self.torn = large
            size = PIECE if large else PIPE_BUF
            for start in range(0, len(record), size):
                yield from self.write(record[start : start + size])
            self.torn = False
            if queue and (large or was_killed):
                os.pwrite(queue, b"-", 16)
        finally:
            if queue:
                os.close(queue)
            self.end_torn()
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def open_queue(self, kind):
        """The queue file of a group, 4.6, once no reader leaves, 4.7; else None."""
        give_up_at = time.monotonic() + 10
        while "@+" in self.names[0][1]:
            path = f"{self.bus}/.{self.names[0][1]}.queue"
            try:
                queue = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
            except OSError:
                return None
            head = os.pread(queue, 53, 0)
            info = os.fstat(queue)
            usable = stat.S_ISREG(info.st_mode) and info.st_nlink == 1 and is_owner_trusted(info)
            if not usable or not head.startswith(b"fifobus queue 1\n"):
                os.close(queue)
                return None
            if head[19:20] != b"L" or time.monotonic() > give_up_at:
                return queue
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(queue, fcntl.LOCK_SH | fcntl.LOCK_NB)
                os.pwrite(queue, b"-", 19)  # the reader was killed
            os.close(queue)
            fcntl.flock(self.fd, fcntl.LOCK_UN)
            yield
            yield from self.lock(kind)
        return None

    def lock(self, kind):
        lock = functools.partial(fcntl.flock, self.fd, kind | fcntl.LOCK_NB)
        yield from self.wait(lock, "another publisher is within a message")

    def write(self, piece):
        """Writes at most PIPE_BUF bytes: all or none of them, 2.5."""
        yield from self.wait(lambda: os.write(self.fd, piece), "it does not read")

    def wait(self, action, reason):
        deadline = time.monotonic() + (0 if self.stalled else self.timeout)
        while True:
            try:
                return action()
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Slow(reason) from None
                yield

    def end_torn(self):
        """Ends what this publisher could not complete, if there is room, 8.4."""
        if self.torn:
            with contextlib.suppress(OSError):
                os.write(self.fd, TORN[:-1] + self.end)
                self.torn = False

    def close(self):
        if self.fd is not None:
            self.end_torn()
            os.close(self.fd)
        self.fd, self.torn = None, False


class Publisher:
    """Publishes to topics; it keeps its FIFOs open between messages."""

    def __init__(self, timeout=1.0):
        self.bus, self.timeout, self.links = open_bus(), timeout, {}

    def publish(self, topic, text, retain=False, reply_to=None):
        """Publishes a message, and returns how many members got it."""
        check_topic(topic)
        if b"\n" in text or WAKE.search(text) or MARK.search(text):
            raise ValueError("the message holds a line feed, or ends with a mark")
        if retain:
            self.retain(topic, text)
        tag = topic if reply_to is None else f"{topic}\x1f{reply_to}"
        record = f"{tag}\t".encode() + text
        sends = [link.send(topic, record) for link in self.find(topic)]
        return sum(finish(sends))

    def find(self, topic):
        """The links to the members that a message is for, 8.1."""
        there = members(self.bus)
        for gone in self.links.keys() - there.keys():
            self.links.pop(gone).close()
        for member, names in there.items():
            if any(matches(topic_filter, topic) for topic_filter, _ in names):
                link = self.links.setdefault(member, Link(self.bus, member, self.timeout))
                link.names = names
                yield link

    def retain(self, topic, text):
        """Keeps the last value of a topic, or removes it, section 9."""
        folder = f"{self.bus}/retained"
        path = f"{folder}/{encode(topic)}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        if not text:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        aside = f"{folder}/@{os.urandom(16).hex()}"
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
        os.rename(aside, path)

    def close(self):
        for link in self.links.values():
            # One last try to say what was missed; nobody waits for it.
            link.stalled = True
            with contextlib.suppress(Slow, Dead, Left):
                list(finish([link.tell_missed()]))
            link.close()


def finish(sends):
    """Runs generators side by side; yields what each returns."""
    while sends:
        for send in list(sends):
            try:
                next(send)
            except StopIteration as end:
                sends.remove(send)
                yield end.value
        if sends:
            time.sleep(0.001)


class Subscriber:
    """One member of the bus, however many filters it has."""

    def __init__(self, *filters, last_values=True):
        self.bus = open_bus()
        self.filters = filters
        member = f"{os.getpid()}-{os.urandom(16).hex()}"
        self.hidden = f"{self.bus}/.{member}"
        self.names = [f"{self.bus}/{encode(it)}@{member}" for it in dict.fromkeys(filters)]
        self.rest, self.part, self.announced, self.too_long = b"", b"", None, False
        # A name that can be seen has a reader: it is opened first, 7.3.
        os.mkfifo(self.hidden, 0o600)
        self.fd = os.open(self.hidden, os.O_RDWR | os.O_NONBLOCK)
        try:
            for name in self.names:
                os.link(self.hidden, name)
                if not os.path.samestat(os.lstat(name), os.fstat(self.fd)):
                    raise OSError(f"{self.bus} has no hard links to FIFOs")
            # Read now that the names are there, 9.3.
            self.values = list(self.last_values()) if last_values else []
        except BaseException:
            self.close()
            raise

    def last_values(self):
        with contextlib.suppress(FileNotFoundError):
            for entry in sorted(os.scandir(f"{self.bus}/retained"), key=lambda it: it.name):
                topic = None if entry.name[0] == "@" else decode(entry.name)
                if topic is None or set("+#") & set(topic) or not self.wants(topic):
                    continue
                if not entry.is_file(follow_symlinks=False) or entry.stat().st_size > MAX_BYTES:
                    continue
                with contextlib.suppress(FileNotFoundError), open(entry.path, "rb") as file:
                    if b"\n" not in (text := file.read()):
                        yield Message(topic, text)

    def messages(self, timeout=None):
        """Yields the last values and then messages, for a time or for ever."""
        # A value that was published meanwhile is a message, too.
        waiting = self.read()
        yield from [it for it in self.values if it not in waiting]
        yield from waiting
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 1 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return
            if not select.select([self.fd], [], [], min(left, 1))[0]:
                self.mend()
            yield from self.read()

    def read(self):
        """The messages that are in the FIFO now, a pipe's worth at most."""
        try:
            chunk = os.read(self.fd, 65536)
        except BlockingIOError:
            return []
        return [it for it in map(self.parse, self.split(chunk)) if it]

    def split(self, chunk):
        """Yields the records that are complete now, without marks, section 3."""
        *whole, self.rest = (self.rest + chunk).split(b"\n")
        if len(self.rest) + len(self.part) > MAX_BYTES + MAX_TAG_BYTES:
            # Its last bytes are kept: they may begin a mark.
            self.too_long, self.part, self.rest = True, b"", self.rest[-64:]
        for record in whole:
            if wake := WAKE.search(record):
                self.part += record[: wake.start()]
                continue
            record, self.part = self.part + record, b""
            mark, size = MARK.search(record), self.announced
            self.announced = int(mark[1]) if mark and mark[1] else None
            if self.too_long:
                note("a message was dropped: it is too long")
            elif mark:
                if mark.start() > 0 and not mark[0].startswith(TORN[:-2]):
                    note("a message was lost: its publisher was killed")
            elif size is not None and size != len(record):
                note("a message was lost: its publisher was killed")
            else:
                yield record
            self.too_long = False

    def parse(self, record):
        """Makes a message of a record; None if it is something else, 7.5."""
        tag, tab, text = record.partition(b"\t")
        try:
            tag = tag.decode()
            if not tab:
                if missed := MISSED.match(tag):
                    of = f" of {missed[2]}" if missed[2] else ""
                    note(f"missed {missed[1]}{of}")
                return None
            topic, unit, reply_to = tag.partition("\x1f")
            check_topic(topic)
            if unit:
                check_topic(reply_to)
        except ValueError:
            return None  # a UnicodeError is one, too
        if not self.wants(topic):
            return None
        return Message(topic, text, reply_to if unit else None)

    def wants(self, topic):
        return any(matches(it, topic) for it in self.filters)

    def mend(self):
        """Makes names again that a cleaner has removed, 7.6."""
        for name in self.names:
            if not os.path.lexists(name):
                os.link(self.hidden, name)

    def close(self):
        """Leaves; messages that have not been read are lost."""
        for path in [*self.names, self.hidden]:
            remove(path)
        os.close(self.fd)


def run_pub(options, topic, message=None):
    publisher = Publisher(float(options.get("-t", 1)))
    try:
        lines = sys.stdin.buffer if message is None else [os.fsencode(message)]
        for line in lines:
            publisher.publish(topic, line.removesuffix(b"\n"), retain="-r" in options)
    finally:
        publisher.close()


def run_sub(options, *filters):
    show(options, filters, lambda it: it.topic.encode() + b"\t" + it.text)


def show(options, filters, line, asks=None, timeout=None):
    """Prints messages as lines, and returns how many."""
    subscriber = Subscriber(*filters, last_values=not asks)
    try:
        if asks and asks(filters[0]) == 0:
            sys.exit("fifobus.py: nobody subscribes to it")
        count = 0
        for count, message in enumerate(subscriber.messages(timeout), 1):
            sys.stdout.buffer.write(line(message) + b"\n")
            sys.stdout.buffer.flush()
            if str(count) == options.get("-n"):
                break
        return count
    finally:
        subscriber.close()


def run_ask(options, topic, message):
    timeout = float(options.get("-t", 5))
    publisher = Publisher(timeout)
    # Subscribed to before it is asked; no guess finds it, and no # matches it.
    count = show(
        {"-n": "1", **options},
        [f"$reply/{os.urandom(16).hex()}"],
        lambda it: it.text,
        lambda reply: publisher.publish(topic, os.fsencode(message), reply_to=reply),
        timeout,
    )
    publisher.close()
    if count == 0:
        sys.exit("fifobus.py: no answer")


def run_answer(_, topic, *command):
    subscriber, publisher = Subscriber(topic, last_values=False), Publisher()
    try:
        for message in subscriber.messages():
            if message.reply_to is not None:
                done = subprocess.run(command, input=message.text, stdout=subprocess.PIPE)
                answer = done.stdout.removesuffix(b"\n")
                try:
                    publisher.publish(message.reply_to, answer)
                except ValueError as reason:
                    note(f"no answer: {reason}")
    finally:
        publisher.close()
        subscriber.close()


COMMANDS = {  # with how many arguments each takes
    "pub": (run_pub, 1, 2),
    "sub": (run_sub, 1, 1000),
    "ask": (run_ask, 2, 2),
    "answer": (run_answer, 2, 1000),
}


def main():
    # A signal that ends it has to remove its names.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        command, *args = sys.argv[1:]
        options, args = getopt.getopt(args, "rn:t:")
        run, least, most = COMMANDS[command]
        if not least <= len(args) <= most:
            raise ValueError
    except (ValueError, KeyError, getopt.error):
        sys.exit(__doc__)
    try:
        run(dict(options), *args)
    except (OSError, ValueError) as error:
        sys.exit(f"fifobus.py: {error}")


if __name__ == "__main__":
    main()
