"""Subscribes to a topic filter without any code of fifobus.

    python3 subscribe.py 'warehouse/+/temperature'

It prints what it gets as it is, UTF-8 or not.
"""

import os
import signal
import sys

PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"

bus = os.environ.get("FIFOBUS_DIR") or (
    f"{os.environ['XDG_RUNTIME_DIR']}/fifobus"
    if os.environ.get("XDG_RUNTIME_DIR")
    else f"/tmp/fifobus-{os.getuid()}"
)
name = "".join(
    chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in os.fsencode(sys.argv[1])
)
hidden, inbox = f"{bus}/.{os.getpid()}", f"{bus}/{name}@{os.getpid()}"
# A signal that ends it has to leave by `finally`, too.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: sys.exit(128 + number))
os.makedirs(bus, mode=0o700, exist_ok=True)
os.mkfifo(hidden, 0o600)
try:
    # A name that can be seen always has a reader: open it before it is named.
    with os.fdopen(os.open(hidden, os.O_RDWR), "rb") as messages:
        os.rename(hidden, inbox)
        for line in messages:
            topic, tab, message = line.rstrip(b"\n").partition(b"\t")
            if not tab:
                continue  # no record: it was not written by a publisher
            topic = topic.split(b"\x1f")[0]  # a request: its reply topic follows
            sys.stdout.buffer.write(topic + b": " + message + b"\n")
            sys.stdout.buffer.flush()
finally:
    for path in (hidden, inbox):
        if os.path.exists(path):
            os.unlink(path)
