#!/bin/sh
# Publishes a message to a topic without any code of fifobus.
#
#   ./publish.sh warehouse/a1/temperature 21.5
bus=${FIFOBUS_DIR:-${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/fifobus}}
for inbox in "${bus:=/tmp/fifobus-$(id -u)}"/[!.]*@*; do
  filter=$(basename "${inbox%@*}" | sed 's|^%23$|[^$].*|; s|^%2B|([^/$][^/]*)?|; s|%2F|/|g; s|%2B|[^/]*|g; s|/%23$|(/.*)?|; s|%24|[$]|g')
  printf '%s\n' "$1" | grep -Eqx "$filter" || continue
  printf '%s\t%s\n' "$1" "$2" 1<>"$inbox" # <> never waits for a reader
done
