"""Prints the messages of a named pipe until it hears "exit".

    python3 subscriber.py /tmp/mypipe
"""

import os
import sys

if len(sys.argv) != 2:
    sys.exit("usage: subscriber.py PIPE")
path = sys.argv[1]
if not os.path.exists(path):
    os.mkfifo(path, 0o600)
# Open for reading and writing: it never waits for a publisher, and never sees
# the end of the file when one leaves, so nothing is lost until the next comes.
with os.fdopen(os.open(path, os.O_RDWR), "rb", closefd=True) as pipe:
    for line in pipe:
        message = line.decode(errors="replace").removesuffix("\n")
        if message == "exit":
            break
        print("Received:", message, flush=True)
