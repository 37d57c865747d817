"""Publishes each line of standard input to a named pipe.

    python3 publisher.py /tmp/mypipe
"""

import os
import sys


def open_pipe(path):
    # Waits for a reader. Not "wb", which would make a regular file where there
    # is no pipe; the pipe stays open between messages.
    return os.open(path, os.O_WRONLY)


if len(sys.argv) != 2:
    sys.exit("usage: publisher.py PIPE")
pipe = open_pipe(sys.argv[1])
for line in sys.stdin.buffer:
    message = line.removesuffix(b"\n") + b"\n"
    while True:
        try:
            # The message and its line feed in one write(2): up to 4096 bytes
            # no other publisher can get in between.
            os.write(pipe, message)
            break
        except BrokenPipeError:
            # EPIPE: the reader has left, and the message is not in the pipe.
            # It waits for the next reader.
            os.close(pipe)
            pipe = open_pipe(sys.argv[1])
