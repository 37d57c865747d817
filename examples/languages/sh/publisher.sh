#!/bin/sh
# Publishes each line of standard input to a named pipe.
#
#     sh publisher.sh /tmp/mypipe
if [ $# -ne 1 ] || [ ! -p "$1" ]; then
  echo 'usage: publisher.sh PIPE' >&2
  exit 2
fi
# EPIPE, instead of an end by SIGPIPE.
trap '' PIPE
# Waits for a reader. The pipe stays open between messages.
exec 3>"$1"
while IFS= read -r message || [ -n "$message" ]; do
  # printf puts the message and its line feed into one write(2): up to 4096
  # bytes no other publisher can get in between. If it fails, the reader has
  # left, and the message is not in the pipe: it waits for the next reader.
  until printf '%s\n' "$message" 2>/dev/null >&3; do
    exec 3>"$1"
  done
done
