"""The subscriber of the textbooks, which loses messages: see docs/textbook.md."""

import os
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "/tmp/mypipe"
if not os.path.exists(path):
    os.mkfifo(path)
while True:
    with open(path) as pipe:
        message = pipe.read().strip()
    print("Received:", message, flush=True)
    if message == "exit":
        break
