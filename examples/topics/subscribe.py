"""Subscribes to a topic filter without any code of fifobus.

    python3 subscribe.py 'warehouse/+/temperature'
"""

import os
import sys
import urllib.parse

bus = os.environ.get("FIFOBUS_DIR") or (
    f"{os.environ['XDG_RUNTIME_DIR']}/fifobus"
    if os.environ.get("XDG_RUNTIME_DIR")
    else f"/tmp/fifobus-{os.getuid()}"
)
name = urllib.parse.quote(sys.argv[1], safe="!~*'()")
hidden, inbox = f"{bus}/.{os.getpid()}", f"{bus}/{name}@{os.getpid()}"
os.makedirs(bus, mode=0o700, exist_ok=True)
os.mkfifo(hidden, 0o600)
try:
    # A name that can be seen always has a reader: open it before it is named.
    with os.fdopen(os.open(hidden, os.O_RDWR), "rb") as messages:
        os.rename(hidden, inbox)
        for line in messages:
            topic, _, message = line.decode().rstrip("\n").partition("\t")
            topic = topic.split("\x1f")[0]  # a request: its reply topic follows
            print(f"{topic}: {message}", flush=True)
            if message == "exit":
                break
finally:
    for path in (hidden, inbox):
        if os.path.exists(path):
            os.unlink(path)
