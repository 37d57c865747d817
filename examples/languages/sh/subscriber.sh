#!/bin/sh
# Prints the messages of a named pipe until it hears "exit".
#
#     sh subscriber.sh /tmp/mypipe
if [ $# -ne 1 ]; then
  echo 'usage: subscriber.sh PIPE' >&2
  exit 2
fi
[ -p "$1" ] || mkfifo -m 600 "$1" || exit 1
# For reading and writing: it never waits for a publisher, and never sees the
# end of the file when one leaves, so nothing is lost until the next comes.
exec 3<>"$1"
while IFS= read -r message <&3; do
  [ "$message" = exit ] && break
  # EPIPE on standard output: SIGPIPE ends the shell, as it ends cat.
  printf '%s\n' "$message"
done
