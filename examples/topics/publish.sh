#!/bin/sh
# Publishes a message to a topic without any code of fifobus.
#
#   ./publish.sh warehouse/a1/temperature 21.5
#
# It publishes to every topic, in every locale, and refuses what is not a topic.
# Unlike pub it does not look whose folder and whose inboxes these are, nor
# whether the topic is UTF-8: what is not, subscribers drop. It does not know
# about messages of more than one write; fifobus.py and fifobus.go do. Where
# flock(1) is missing, it may write into the middle of such a message.
topic=$1 message=$2 lf='
'
refuse() {
  printf 'publish.sh: Cannot publish to "%s": %s\n' "$topic" "$1" >&2
  exit 1
}
bytes=$(printf %s "$topic" | od -An -v -tx1 | tr -d '\n' | tr -s ' ' | tr a-f A-F)
case $topic in '' | *[+#]* | '$share/'*) refuse 'it is not the name of a topic' ;; esac
# Control characters, U+0000 to U+001F and U+007F to U+009F. What [:cntrl:] is
# depends on the shell and the locale.
case $bytes in
  *' '[01]* | *' 7F'* | *' C2 '[89]*) refuse 'it holds a control character' ;;
esac
syn=$(printf '\026') can=$(printf '\030')
case $message in
  *"$lf"*) refuse 'the message holds a line feed' ;;
  *"${syn}fifobus wake "????????"$syn" | *"${can}fifobus torn$can" | \
    *"${can}fifobus lost$can" | *"${can}fifobus large "*[0-9]"$can")
    refuse 'the message ends with a mark of fifobus'
    ;;
esac
# Up to PIPE_BUF bytes a message goes in whole, whoever else writes: pipe(7).
limit=$(getconf PIPE_BUF / 2>/dev/null || echo 512)
[ "$(printf '%s\t%s' "$topic" "$message" | wc -c)" -lt "$limit" ] ||
  refuse "with its topic the message is over $limit bytes"

run=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
[ "${XDG_RUNTIME_DIR:-}" ] || { [ -d "$run" ] && [ -O "$run" ]; } || run=
bus=${FIFOBUS_DIR:-${run:+$run/fifobus}}
cd "${bus:-/tmp/fifobus-$(id -u)}" 2>/dev/null || exit 0 # nobody subscribes

# A name is FILTER@ID, the filter percent-encoded. Topic and filters are compared
# as the hexadecimal numbers of their bytes, so that no character is special.
matching='
function hex(name,   i, c, out) {
  for (i = 1; i <= length(name); i++) {
    c = substr(name, i, 1)
    if (c == "%") {
      out = out " " toupper(substr(name, i + 1, 2))
      i += 2
    } else out = out sprintf(" %02X", index(ascii, c) + 31)
  }
  return out
}
function matches(filter,   i, n, m, want, have) {
  if (filter ~ /^ 2[3B]/ && topic ~ /^ 24/) return 0 # # and + do not match $
  n = split(filter, want, " 2F") # at each slash
  m = split(topic, have, " 2F")
  for (i = 1; i <= n; i++) {
    if (want[i] == " 23") return 1 # #
    if (i > m || want[i] != " 2B" && want[i] != have[i]) return 0 # +
  }
  return n == m
}
BEGIN { for (i = 32; i < 127; i++) ascii = ascii sprintf("%c", i) }
at = index($0, "@") {
  # An inbox may have many names with one ID; a group has an inbox for each.
  id = substr($0, at + 1)
  sub(/@0$/, "", id)
  if (id ~ /^[+]/) id = $0
  if (id in seen || !matches(hex(substr($0, 1, at - 1)))) next
  seen[id]
  print
}'
inboxes=$(ls -A | LC_ALL=C awk -v topic="$bytes" "$matching")

send() {
  [ -p "$1" ] && [ ! -L "$1" ] || exit 0
  # Where a subscriber has just left, <> would make a regular file. So the inbox
  # is opened by what makes none, and then for writing as what is open here.
  if [ -d /proc/self/fd ]; then
    exec 3<"$1" 4<>/proc/self/fd/3
  else
    ln "$1" "$2" && exec 4<>"$2"
    rm -f "$2"
  fi
  [ -p /dev/fd/4 ] || exit
  # Not into the middle of a message of several writes.
  flock -s -w 1 4 || [ $? -eq 127 ] || exit 1
  case $1 in *@0) end='\000' ;; *) end='\n' ;; esac
  printf "%s\t%s$end" "$topic" "$message" >&4
}

[ -n "$inboxes" ] || exit 0
set -f # names may hold a *
IFS=$lf
writers= n=0
for inbox in $inboxes; do
  n=$((n + 1))
  send "./$inbox" ".publish-$$-$n" 2>/dev/null &
  writers=$writers$lf$!
done
# One that does not read for a second, or is dead, is passed over.
(sleep 1 && kill $writers) >/dev/null 2>&1 &
timer=$!
for writer in $writers; do
  wait "$writer" 2>/dev/null ||
    printf 'publish.sh: a subscriber of "%s" did not get it\n' "$topic" >&2
done
kill "$timer" 2>/dev/null || :
