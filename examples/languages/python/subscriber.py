"""Prints the messages of a named pipe until it hears "exit".

    python3 subscriber.py /tmp/mypipe
"""

import os
import signal
import sys

if len(sys.argv) != 2:
    sys.exit("usage: subscriber.py PIPE")
# EPIPE on standard output: ends quietly, as cat does.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
path = sys.argv[1]
if not os.path.exists(path):
    os.mkfifo(path, 0o600)
# For reading and writing: it never waits for a publisher, and never sees the
# end of the file when one leaves, so nothing is lost until the next comes.
with os.fdopen(os.open(path, os.O_RDWR), "rb") as pipe:
    for line in pipe:
        if line == b"exit\n":
            break
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
