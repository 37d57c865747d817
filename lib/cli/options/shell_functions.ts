/**
 * examples/shell/fifobus.sh as a module, so that it is there however pub is
 * started. `deno task docs` writes it.
 *
 * @module
 */

/** What `pub --init` prints. */
export const SHELL_FUNCTIONS =
  `# fifobus in the shell: topics and FIFOs without starting a program.
#
#   eval "$(pub --init bash)"     # also zsh and sh; or, without fifobus:
#   . ./fifobus.sh
#   pub warehouse/a1/temperature 21.5      # REPLY: how many subscribers got it
#   sub_open 'warehouse/#'
#   while sub_read topic message; do echo "$topic is $message"; done
#
# What a shell cannot do goes to the program pub: options, standard input,
# brokers, groups, and records that are longer than PIPE_BUF. The numbers in the
# comments are those of docs/protocol.md.
#
# Bash 4.1 and zsh publish without a process on Linux, after the first message
# to a subscriber. Other shells start some processes for each message.
#
# Bash copies the body of a function at each call: what few messages need has a
# function of its own.
#
# shellcheck shell=bash disable=SC2015,SC2016,SC2059,SC2086,SC2154,SC2261,SC2295
# SC2086: lists are split at line feeds, while globbing is off. SC2295: bytes in
# brackets are meant as patterns. SC2154: printf -v assigns them.

# Aliases must not get into the functions.
unalias pub sub_open sub_read sub_close 2>/dev/null || :
_fifobus_aliases=''
case \${BASHOPTS-} in
  *expand_aliases*) _fifobus_aliases=yes && shopt -u expand_aliases ;;
esac

_fifobus_kind='sh'     # how this shell writes without waiting
_fifobus_pipe=''       # a pipe from this shell to itself
_fifobus_safe=''       # the folder that was checked
_fifobus_listing=''    # the names in it
_fifobus_table=''      # the same: NAME, MEMBER, FILTER
_fifobus_topic=''      # the last topic
_fifobus_targets=''    # its members: NAME, MEMBER
_fifobus_open=''       # open FIFOs: MEMBER, descriptor, inode, missed messages
_fifobus_level=0       # how deep in subshells that was
_fifobus_inbox=''      # the descriptor of the own FIFO
_fifobus_id=''         # its ID
_fifobus_bus=''        # its folder
_fifobus_filters=''    # its filters
_fifobus_names=''      # its names
_fifobus_values=''     # last values: TOPIC, MESSAGE
_fifobus_part=''       # the beginning of a record
_fifobus_size=''       # the length that a mark says
_fifobus_last=''       # the last topic that was received
_fifobus_got='' _fifobus_reply='' _fifobus_reason='' _fifobus_wait=''
_fifobus_trap='' _fifobus_trapped='' _fifobus_text='' REPLY=''
if [ -n "\${ZSH_VERSION-}" ]; then
  if zmodload zsh/system zsh/zselect 2>/dev/null; then _fifobus_kind=zsh; fi
elif [ -n "\${BASH_VERSION-}" ] && [ -d /proc/self/fdinfo ]; then
  case $BASH_VERSION in
    [0-3].* | 4.0*) ;;
    *)
      _fifobus_kind=bash
      eval 'exec {_fifobus_pipe}<> <(:)' # sh could not read it
      ;;
  esac
fi

# Sets a variable to what printf prints: VARIABLE FORMAT [ARGUMENT].
_fifobus_print() {
  if [ "$_fifobus_kind" = sh ]; then
    # Without the dot, line feeds at the end would be lost.
    _fifobus_text=$(printf "$2." \${3+"$3"})
    eval "$1=\\\${_fifobus_text%.}"
  else printf -v "$1" "$2" \${3+"$3"}; fi
}
_fifobus_print _fifobus_nl '\\n'
_fifobus_print _fifobus_tab '\\t'
_fifobus_print _fifobus_us '\\037'
_fifobus_print _fifobus_syn '\\026'
_fifobus_print _fifobus_can '\\030'
# Bytes for patterns in the locale C: control characters and parts of UTF-8.
_fifobus_print _fifobus_control '\\001-\\037\\177'
_fifobus_print _fifobus_high '\\200-\\377'
_fifobus_print _fifobus_next '\\200-\\277'
_fifobus_print _fifobus_two '\\303-\\337'
_fifobus_print _fifobus_c2 '\\302'
_fifobus_print _fifobus_a0 '\\240-\\277'
_fifobus_print _fifobus_e0 '\\340'
_fifobus_print _fifobus_three '\\341-\\354\\356\\357'
_fifobus_print _fifobus_ed '\\355'
_fifobus_print _fifobus_9f '\\200-\\237'
_fifobus_print _fifobus_f0 '\\360'
_fifobus_print _fifobus_90 '\\220-\\277'
_fifobus_print _fifobus_four '\\361-\\363'
_fifobus_print _fifobus_f4 '\\364'
_fifobus_print _fifobus_8f '\\200-\\217'

# Publishes a message: ADDRESS MESSAGE...
pub() {
  _fifobus_reason='' REPLY=0
  _fifobus_enter _fifobus_publish "$@" || _fifobus_hand_over "$@"
}

# Lets the program publish what a shell cannot.
_fifobus_hand_over() {
  if [ -z "$_fifobus_reason" ]; then return 1; fi
  REPLY=''
  if _fifobus_enter _fifobus_has_program; then
    _fifobus_run_program "$@"
    return
  fi
  printf 'pub: Cannot publish to "%s" without the program pub: %s\\n' \\
    "\${1-}" "$_fifobus_reason" >&2
  return 1
}

# Runs the program with the variables of this shell. An argument of a program
# can be 128 KiB long.
_fifobus_run_program() (
  export FIFOBUS_DIR FIFOBUS_MAX_SIZE FIFOBUS_SLOW_TIMEOUT
  case $_fifobus_reason in
    'the record is longer'*) ;;
    *)
      command pub "$@"
      exit
      ;;
  esac
  to=$1
  shift
  IFS=' '
  printf %s "$*" | command pub -s -- "$to"
)

# Subscribes this shell to filters.
sub_open() {
  _fifobus_reason=''
  if _fifobus_enter _fifobus_join "$@"; then
    [ -n "$_fifobus_trapped" ] || _fifobus_on_exit
    return 0
  fi
  printf 'sub_open: %s\\n' "$_fifobus_reason" >&2
  return 1
}

# Waits for a message, and sets two variables: [-t SECONDS] TOPIC MESSAGE. REPLY
# is the topic for an answer, if the message is a request.
sub_read() {
  _fifobus_wait=''
  if [ "\${1-}" = -t ]; then
    _fifobus_wait=\${2:-none}
    shift 2
    [ "$_fifobus_kind" != sh ] || set --
  fi
  case \${1-}:\${2-}:$_fifobus_inbox in
    [!A-Za-z_]* | *[!A-Za-z0-9_:]* | *:[!A-Za-z_]*:* | :* | *::* | *:)
      echo 'sub_read: it takes two names of variables, after sub_open;' \\
        '-t only in bash and zsh' >&2
      return 2
      ;;
  esac
  _fifobus_enter _fifobus_receive || return
  REPLY=$_fifobus_reply
  eval "$1=\\$_fifobus_last $2=\\$_fifobus_got"
}

# Leaves the bus. Messages that were not read are lost.
sub_close() {
  [ -n "$_fifobus_inbox" ] || return 0
  _fifobus_enter _fifobus_leave || return
}

# Runs a function where options, the locale and IFS of the caller do not matter.
_fifobus_enter() {
  if [ -n "\${ZSH_VERSION-}" ]; then
    emulate -L sh
    unsetopt multibyte
    trap '' PIPE # until this function ends
  fi
  local LC_ALL=C IFS=' ' nl="$_fifobus_nl" tab="$_fifobus_tab" code=0 \\
    were="$-" shopts='' it
  if [ "$_fifobus_kind" = bash ]; then
    [ -z "\${GLOBIGNORE-}" ] || { local GLOBIGNORE && unset GLOBIGNORE; }
    case $BASHOPTS in
      *failglob* | *nullglob* | *dotglob* | *nocasematch*)
        for it in failglob nullglob dotglob nocasematch; do
          ! shopt -q $it || shopts="$shopts $it"
        done
        shopt -u $shopts
        ;;
    esac
  fi
  set -f
  "$@" || code=$?
  case $were in *f*) ;; *) set +f ;; esac
  IFS=' '
  [ -z "$shopts" ] || shopt -s $shopts
  return "$code"
}

_fifobus_give_up() {
  _fifobus_reason=$1
  return 1
}

_fifobus_has_program() {
  IFS=:
  for it in $PATH; do
    if [ -f "\${it:-.}/pub" ] && [ -x "\${it:-.}/pub" ]; then return; fi
  done
  return 1
}

_fifobus_publish() {
  local to="\${1-}" text bus fd n=0 limit=4096
  [ $# -ge 2 ] || { _fifobus_give_up 'there is no message'; return; }
  for it; do
    case $it in
      -[0-9]* | -.[0-9]*) ;;
      -*) _fifobus_give_up 'it has options' && return || return ;;
    esac
  done
  case \${FIFOBUS_MAX_SIZE-}:\${FIFOBUS_SLOW_TIMEOUT-} in
    :*[!0-9]* | ?*:*) _fifobus_give_up 'FIFOBUS_* are set' || return ;;
  esac
  shift
  text="$*"
  case $text in
    *"$nl"*) _fifobus_give_up 'the message holds a line feed' || return ;;
    *"$_fifobus_syn" | *"$_fifobus_can")
      _fifobus_give_up 'the message may end with a mark' || return
      ;;
  esac
  case $to in
    topic:*) _fifobus_to_topic "\${to#topic:}" ;;
    fifo:?*) _fifobus_to_fifo "\${to#fifo:}" ;;
    /* | ./* | ../*) _fifobus_to_fifo "$to" ;;
    *://* | fifo:) _fifobus_give_up 'it is the address of a broker' ;;
    *) _fifobus_to_topic "$to" ;;
  esac
}

# Whether a record of this many bytes is written in one piece, 2.2.
_fifobus_fits() {
  if [ "$_fifobus_kind" = sh ]; then
    limit=$(getconf PIPE_BUF / 2>/dev/null || echo 512)
    set -- "$(($(printf %s "$1" | wc -c)))"
  else set -- "\${#1}"; fi
  [ "$1" -lt "$limit" ] ||
    _fifobus_give_up "the record is longer than $limit bytes"
}

# --- One FIFO, section 2 ---

_fifobus_to_fifo() {
  local queue="\${1%/*}/.\${1##*/}.queue" head
  case $1 in */*) ;; *) set -- "./$1" && queue="./.\${1##*/}.queue" ;; esac
  _fifobus_fits "$text" || return
  _fifobus_find_bus
  IFS=''
  set +f
  # 4.1: that of a FIFO with several names has no path that we could know.
  for it in "$bus"/.queue-*; do
    [ ! -f "$it" ] || [ -f "$queue" ] || queue=$it
  done
  set -f
  case $queue in
    "$bus"/.queue-*) _fifobus_give_up 'it may have several names' || return ;;
  esac
  while :; do
    if [ ! -p "$1" ] || [ -L "$1" ] || [ ! -O "$1" ]; then
      _fifobus_give_up 'it is not a FIFO of this user' || return
    fi
    code=0
    # With -C nothing that is not there is made a file unnoticed. It waits for a
    # reader, as pub does.
    case $were in *C*) ;; *) set -C ;; esac
    _fifobus_hold_pipe
    # shellcheck disable=SC2094
    {
      if [ "$_fifobus_kind" = sh ]; then
        (trap '' PIPE && _fifobus_to_reader "$1" "$queue")
      else _fifobus_to_reader "$1" "$queue"; fi || code=$?
    } 2>/dev/null 9>"$1" || code=4
    _fifobus_free_pipe
    case $were in *C*) ;; *) set +C ;; esac
    case $code in
      0) REPLY=1 && return ;;
      2) continue ;; # EPIPE: the last reader has gone
      3) _fifobus_give_up 'another program has its lock' || return ;;
      4) _fifobus_give_up 'it cannot be opened' || return ;;
      *)
        printf 'pub: the message to "%s" may be lost: its reader has left\\n' \\
          "$1" >&2
        return 1
        ;;
    esac
  done
}

# Writes to descriptor 9.
_fifobus_to_reader() {
  if [ ! -p /dev/fd/9 ]; then
    [ -s "$1" ] || command rm -f "$1"
    return 4
  fi
  local locks
  fd=9
  _fifobus_inode "$1"
  _fifobus_read_locks
  # 4.6 and 4.7: a publisher was killed, or a reader leaves.
  if _fifobus_locked || ! _fifobus_lock; then return 3; fi
  _fifobus_head "$2"
  case $head in P* | ???L*) return 3 ;; esac
  printf '%s\\n' "$text" >&9 || return 2
  # A reader that left meanwhile may not have seen the message.
  [ -n "$head" ] || return 0
  _fifobus_head "$2"
  case $head in '' | ???L*) return 1 ;; esac
}

_fifobus_head() {
  head=''
  [ -f "$1" ] || return 0
  { read -r head && read -r head; } 2>/dev/null <"$1" || head=''
}

# --- Topics, sections 5 to 8 ---

_fifobus_to_topic() {
  to=$1
  if [ -z "$to" ] || [ "$to" != "$_fifobus_topic" ]; then
    _fifobus_is_topic "$to" || { _fifobus_give_up 'it is not a topic'; return; }
    _fifobus_topic=''
  fi
  _fifobus_fits "$to$tab$text" || return
  _fifobus_find_bus
  [ -d "$bus" ] || [ -L "$bus" ] || return 0
  _fifobus_check_bus || return
  _fifobus_list
  [ -n "$_fifobus_topic" ] || _fifobus_route
  [ -n "$_fifobus_targets" ] || return 0
  # 4.6 and 4.7 need a lock.
  case $nl$_fifobus_targets in
    *"$tab+"*) _fifobus_give_up 'a group subscribes to it' || return ;;
  esac
  if [ "$_fifobus_kind" = sh ]; then
    REPLY=$(_fifobus_write_all >/dev/null && echo "$n")
  else
    it=\${BASH_SUBSHELL-}\${ZSH_SUBSHELL-}
    [ "$it" = "$_fifobus_level" ] || _fifobus_start_over
    _fifobus_hold_pipe
    _fifobus_write_all
    _fifobus_free_pipe
    REPLY=$n
  fi
}

_fifobus_is_topic() {
  case $1 in *[+#]* | '$share/'*) return 1 ;; esac
  _fifobus_is_text "$1"
}

# Whether it is UTF-8 without control characters, 6.1.
_fifobus_is_text() {
  case $1 in '' | *[$_fifobus_control]*) return 1 ;; esac
  local rest="$1"
  while :; do
    case $rest in
      *[$_fifobus_high]*) rest=\${rest#"\${rest%%[$_fifobus_high]*}"} ;;
      *) return 0 ;;
    esac
    case $rest in
      [$_fifobus_two][$_fifobus_next]* | \${_fifobus_c2}[$_fifobus_a0]*)
        rest=\${rest#??}
        ;;
      \${_fifobus_e0}[$_fifobus_a0][$_fifobus_next]* | \\
        [$_fifobus_three][$_fifobus_next][$_fifobus_next]* | \\
        \${_fifobus_ed}[$_fifobus_9f][$_fifobus_next]*)
        rest=\${rest#???}
        ;;
      \${_fifobus_f0}[$_fifobus_90][$_fifobus_next][$_fifobus_next]* | \\
        [$_fifobus_four][$_fifobus_next][$_fifobus_next][$_fifobus_next]* | \\
        \${_fifobus_f4}[$_fifobus_8f][$_fifobus_next][$_fifobus_next]*)
        rest=\${rest#????}
        ;;
      *) return 1 ;;
    esac
  done
}

# Whether a filter matches a topic, 6.2.
_fifobus_matches() {
  [ "$1" != "$2" ] || return 0
  case $1 in
    *[+#]*) ;;
    *) return 1 ;;
  esac
  case $1:$2 in [+#]*:'$'*) return 1 ;; esac
  set -- "$1/" "$2/"
  while [ -n "$1" ]; do
    case \${1%%/*} in
      '#') return 0 ;;
      +) [ -n "$2" ] || return 1 ;;
      *) [ "\${1%%/*}" = "\${2%%/*}" ] && [ -n "$2" ] || return 1 ;;
    esac
    set -- "\${1#*/}" "\${2#*/}"
  done
  [ -z "$2" ]
}

_fifobus_find_bus() {
  bus=\${FIFOBUS_DIR-}
  case $bus in
    '') ;;
    /*) return ;;
    *) bus=$PWD/$bus && return ;;
  esac
  if [ -n "\${XDG_RUNTIME_DIR-}" ]; then
    bus=$XDG_RUNTIME_DIR/fifobus
    return
  fi
  set -- "\${UID-}"
  [ -n "$1" ] || set -- "$(id -u)"
  bus=/tmp/fifobus-$1
  if [ -d "/run/user/$1" ] && [ -O "/run/user/$1" ]; then
    bus=/run/user/$1/fifobus
  fi
}

# The bus must be a folder that only its user can write to, 5.2.
_fifobus_check_bus() {
  if [ -d "$bus" ] && [ ! -L "$bus" ] && [ -O "$bus" ]; then
    [ "$bus" != "$_fifobus_safe" ] || return 0
    case $(command ls -ldn -- "$bus") in
      d????-??-*)
        _fifobus_safe=$bus
        return
        ;;
    esac
  fi
  _fifobus_give_up "$bus is not a folder that only this user can write to"
}

# Lists the subscriptions, 7.1, unless they are the same as before.
_fifobus_list() {
  IFS=$nl
  set +f
  set -- "$bus"/*@*
  set -f
  [ "$*" = "$_fifobus_listing" ] || _fifobus_tabulate "$@"
}

_fifobus_tabulate() {
  local name member filter members="$nl"
  _fifobus_listing="$*" _fifobus_table='' _fifobus_topic=''
  for name; do
    name=\${name##*/}
    case $name in *"$nl"* | *"$tab"* | .*) continue ;; esac
    _fifobus_decode "\${name%%@*}" || continue
    member=\${name#*@}
    case $member in +*) member=+$name ;; esac
    _fifobus_table=$_fifobus_table$name$tab$member$tab$filter$nl
    members=$members$member$nl
  done
  for it in $_fifobus_open; do
    case $members in
      *"$nl\${it%%"$tab"*}$nl"*) ;;
      *) _fifobus_disconnect "\${it%%"$tab"*}" ;;
    esac
  done
}

# Decodes a name into $filter, 6.3.
_fifobus_decode() {
  local rest="$1" out='' byte
  while :; do
    out=$out\${rest%%[%\\\\]*}
    case $rest in *[%\\\\]*) rest=\${rest#"\${rest%%[%\\\\]*}"} ;; *) break ;; esac
    case $rest in
      %00*) return 1 ;;
      %[0-9A-Fa-f][0-9A-Fa-f]*)
        byte=\${rest#%}
        byte=$((0x\${byte%"\${byte#??}"}))
        out="$out\\\\0$((byte / 64))$((byte / 8 % 8))$((byte % 8))"
        rest=\${rest#%??}
        ;;
      %*) return 1 ;;
      *) out="$out\\\\\\\\" rest=\${rest#?} ;;
    esac
  done
  case $out in
    *\\\\*) _fifobus_print filter %b "$out" ;;
    *) filter=$out ;;
  esac
  _fifobus_is_text "$filter"
}

# Finds the members that a topic is for: each once.
_fifobus_route() {
  local line member filter members="$nl"
  _fifobus_topic=$to _fifobus_targets=''
  IFS=$nl
  for line in $_fifobus_table; do
    filter=\${line##*"$tab"} line=\${line%"$tab"*}
    member=\${line#*"$tab"}
    case $members in *"$nl$member$nl"*) continue ;; esac
    _fifobus_matches "$filter" "$to" || continue
    members=$members$member$nl
    _fifobus_targets=$_fifobus_targets$line$nl
  done
}

_fifobus_write_all() {
  local line name member ino missed format locks
  [ "$_fifobus_kind" != sh ] || trap '' PIPE
  _fifobus_read_locks
  IFS=$nl
  for line in $_fifobus_targets; do
    name=\${line%%"$tab"*} member=\${line#*"$tab"}
    _fifobus_write
  done
}

# Writes to one member.
_fifobus_write() {
  local format='%s\\t%s\\n'
  case $member in *@0) format='%s\\t%s\\000' ;; esac
  _fifobus_connect
  case $?:\${missed-} in
    0:0)
      if ! _fifobus_locked && _fifobus_lock && _fifobus_put 2>&-; then
        n=$((n + 1))
      else _fifobus_insist "$((50 * \${FIFOBUS_SLOW_TIMEOUT:-1}))"; fi
      ;;
    0:*) _fifobus_insist 0 ;; # 8.4
    1:*) ;; # it has left
    2:*) _fifobus_forget ;;
    *) _fifobus_tell_dropped 'its FIFO cannot be opened' ;;
  esac
}

# Writes to a member that has missed messages, or does not take one: how often
# to try again.
_fifobus_insist() {
  # On a busy machine a try takes longer; no sh but bash and zsh has SECONDS.
  local tries="$1" end=$((\${SECONDS:-0} + $1 / 50))
  while :; do
    if ! _fifobus_locked && _fifobus_lock; then
      if _fifobus_tell_missed 2>&- && _fifobus_put 2>&-; then
        n=$((n + 1))
        return 0
      fi
      if _fifobus_is_broken; then
        _fifobus_disconnect "$member"
        # What has a name and no reader is dead; else it has left.
        if _fifobus_name; then _fifobus_forget; fi
        return 0
      elif [ -z "$fd" ]; then
        return 0
      fi
    fi
    [ $((tries > 0 && \${SECONDS:-0} <= end)) -eq 1 ] || break
    tries=$((tries - 1))
    _fifobus_nap
    _fifobus_read_locks
  done
  _fifobus_keep $((missed + 1))
  _fifobus_tell_dropped 'it does not read'
}

# 8.5. In a write of its own: bash makes one of each line.
_fifobus_tell_missed() {
  [ "$missed" -gt 0 ] || return 0
  local format="\\\\030fifobus missed $missed\\\\030%.0s%.0s\${format#'%s\\t%s'}"
  _fifobus_put && _fifobus_keep 0
}

_fifobus_tell_dropped() {
  printf 'pub: 1 message dropped for subscriber %s: %s\\n' "$member" "$1" >&2
}

# Writes the record, in one write(2), or nothing.
_fifobus_put() {
  if [ "$_fifobus_kind" = zsh ]; then
    local record
    printf -v record "$format" "$to" "$text"
    syswrite -o "$fd" -- "$record"
  else printf "$format" "$to" "$text" >&"$fd"; fi
}

# Tells whether the last write failed as nobody reads. It has to write again:
# if that succeeds, the message is counted and $fd is empty.
_fifobus_is_broken() {
  if [ "$_fifobus_kind" = zsh ]; then
    local fd
    _fifobus_sysopen -w || return 0
    _fifobus_shut
    return 1
  fi
  local said ended=0
  said=$(trap - PIPE && printf "$format" "$to" "$text" 2>&1 >&"$fd") || ended=$?
  if [ "$ended" -eq 0 ]; then
    n=$((n + 1)) fd=''
    _fifobus_keep 0
    return 1
  fi
  case $ended:$said in 141:* | *'Broken pipe'*) ;; *) return 1 ;; esac
}

# Finds a name of the member that is there; it may have left some topics.
_fifobus_name() {
  _fifobus_is_fifo "$bus/$name" && return
  for it in $_fifobus_table; do
    name=\${it%%"$tab"*} it=\${it#*"$tab"}
    if [ "\${it%%"$tab"*}" = "$member" ] && _fifobus_is_fifo "$bus/$name"; then
      return 0
    fi
  done
  return 1
}

_fifobus_is_fifo() {
  [ -p "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]
}

# Opens the FIFO of a member, so that no write waits. It stays open until the
# member leaves. 1: it has left, 2: it is dead, 3: that cannot be had.
_fifobus_connect() {
  local rest="$nl$_fifobus_open"
  fd=''
  case $rest in
    *"$nl$member$tab"*)
      rest=\${rest#*"$nl$member$tab"}
      rest=\${rest%%"$nl"*}
      fd=\${rest%%"$tab"*} missed=\${rest##*"$tab"} rest=\${rest#*"$tab"}
      ino=\${rest%"$tab"*}
      [ ! "/dev/fd/$fd" -ef "$bus/$name" ] || return 0
      # The member has left this filter, or something else is open there.
      ;;
  esac
  _fifobus_reach
}

_fifobus_reach() {
  local at reader
  _fifobus_name || return 1
  at=$bus/$name
  if [ -n "$fd" ]; then
    [ ! "/dev/fd/$fd" -ef "$at" ] || return 0
    _fifobus_unlist "$member"
  fi
  missed=0
  case $_fifobus_kind in
    zsh)
      # Not every zsh has $ERRNO. What opens for reading, too, has no reader.
      _fifobus_sysopen -w ||
        if ! _fifobus_sysopen -rw; then
          _fifobus_name && return 3 || return 1
        else
          _fifobus_shut
          return 2
        fi
      ;;
    bash)
      # A FIFO that is open for reading, too, does not wait for a reader.
      { exec {reader}<>"$at"; } 2>/dev/null || return 3
      if [ ! -p "/dev/fd/$reader" ]; then
        # It left just now, and <> has made a file.
        [ -s "$at" ] || [ -p "$at" ] || command rm -f -- "$at"
        exec {reader}>&-
        return 1
      fi
      { exec {fd}>"/dev/fd/$reader"; } 2>/dev/null || return 3
      exec {reader}>&-
      ;;
    *)
      exec 8<>"$at"
      [ -p /dev/fd/8 ] || { rm -f "$at" && return 1; }
      exec 9>/dev/fd/8 8>&-
      fd=9
      ;;
  esac
  [ "/dev/fd/$fd" -ef "$at" ] || { _fifobus_shut && return 1; }
  if [ "$_fifobus_kind" != zsh ] && ! _fifobus_unblock; then
    _fifobus_shut
    return 3
  fi
  _fifobus_inode "$at"
  [ "$_fifobus_kind" = sh ] || _fifobus_keep 0
}

_fifobus_sysopen() {
  sysopen "$1" -o nonblock,nofollow,cloexec -u fd "$bus/$name" 2>/dev/null
}

# Sets O_NONBLOCK. It belongs to what is open, not to a process.
_fifobus_unblock() {
  local nonblock='fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or exit 1'
  command dd if=/dev/null oflag=nonblock count=0 2>/dev/null >&"$fd"
  _fifobus_is_unblocked ||
    command perl -MFcntl -e "$nonblock" 2>/dev/null >&"$fd"
}

_fifobus_is_unblocked() {
  [ -d /proc/self/fdinfo ] || return 1
  while read -r it flags; do
    [ "$it" != flags: ] || [ $((flags & 2048)) -eq 0 ] || return 0
  done </proc/self/fdinfo/"$fd"
  return 1
}

_fifobus_inode() {
  ino=''
  if [ -f "/proc/self/fdinfo/$fd" ]; then
    IFS="$tab "
    while read -r it ino; do
      if [ "$it" = ino: ]; then break; fi
      ino=''
    done <"/proc/self/fdinfo/$fd"
    IFS=$nl
  fi
  [ -n "$ino" ] || ino=$(command ls -di -- "$1") || return 0
  ino=\${ino#"\${ino%%[0-9]*}"}
  ino=\${ino%%[!0-9]*}
}

# Tells whether another publisher is within a large record, 2.3. No shell has
# flock(2): that publisher may start just now, and then the subscriber drops and
# reports a message.
_fifobus_locked() {
  local found="$locks"
  while :; do
    case $found in
      *":$ino 0 EOF"*) ;;
      *) return 1 ;;
    esac
    set -- "\${found%%":$ino 0 EOF"*}"
    case \${1##*"$nl"} in *FLOCK*WRITE*) return 0 ;; esac
    found=\${found#*":$ino 0 EOF"}
  done
}

# Other shells write from a subshell, which can have the lock.
_fifobus_lock() {
  [ "$_fifobus_kind" = sh ] || return 0
  command flock -s -n 9 2>/dev/null || [ $? -eq 127 ]
}

_fifobus_read_locks() {
  locks=''
  [ -r /proc/locks ] || return 0
  case $_fifobus_kind in
    zsh) sysread -s 1000000 locks </proc/locks || : ;;
    bash)
      # A whole file is quicker than its lines.
      read -r -d '' locks </proc/locks || :
      ;;
    *) locks=$(cat /proc/locks) ;;
  esac
}

# Notes an open FIFO, and how many messages its member has missed.
_fifobus_keep() {
  local was="$fd"
  [ "$_fifobus_kind" != sh ] || return 0
  missed=$1
  case $_fifobus_open in
    "$member$tab"* | *"$nl$member$tab"*)
      was=$nl$_fifobus_open
      was=\${was#*"$nl$member$tab"}
      was=\${was%%"$tab"*}
      _fifobus_unlist "$member"
      ;;
  esac
  _fifobus_open=$_fifobus_open$member$tab$was$tab$ino$tab$missed$nl
}

# A subshell is a publisher of its own: what was missed is not its to tell.
_fifobus_start_over() {
  local line="$_fifobus_open"
  _fifobus_level=$it _fifobus_open=''
  IFS=$nl
  for line in $line; do
    _fifobus_open=$_fifobus_open\${line%"$tab"*}\${tab}0$nl
  done
}

_fifobus_unlist() {
  set -- "$1" "$nl$_fifobus_open"
  set -- "\${2%%"$nl$1$tab"*}$nl" "\${2#*"$nl$1$tab"}"
  _fifobus_open=\${1#"$nl"}\${2#*"$nl"}
}

_fifobus_disconnect() {
  case $_fifobus_open in "$1$tab"* | *"$nl$1$tab"*) ;; *) return 0 ;; esac
  fd=$nl$_fifobus_open
  fd=\${fd#*"$nl$1$tab"}
  fd=\${fd%%"$tab"*}
  _fifobus_unlist "$1"
  _fifobus_shut
}

_fifobus_shut() {
  if [ "$_fifobus_kind" = sh ]; then exec 9>&-; else exec {fd}>&-; fi
}

# Removes the names of a dead member, 8.2.
_fifobus_forget() {
  local at
  for it in $_fifobus_table; do
    at=\${it%%"$tab"*} it=\${it#*"$tab"}
    [ "\${it%%"$tab"*}" = "$member" ] || continue
    ! _fifobus_is_fifo "$bus/$at" || command rm -f -- "$bus/$at"
  done
  at=$bus/.\${member%@0}
  ! _fifobus_is_fifo "$at" || command rm -f -- "$at"
}

# Ignores SIGPIPE for a moment, as zsh and sh do anyway. To read a trap,
# $(trap -p) would take a process.
_fifobus_hold_pipe() {
  [ "$_fifobus_kind" = bash ] || return 0
  if [ "$BASH_SUBSHELL" -eq 0 ]; then
    { trap -p PIPE && printf '\\0'; } >&"$_fifobus_pipe"
    IFS= read -r -d '' -u "$_fifobus_pipe" _fifobus_trap
  else _fifobus_trap=$(trap -p PIPE); fi
  trap '' PIPE
}

_fifobus_free_pipe() {
  [ "$_fifobus_kind" != bash ] || eval "\${_fifobus_trap:-trap - PIPE}"
}

_fifobus_nap() {
  case $_fifobus_kind:\${BASH_SUBSHELL-} in
    zsh:*) zselect -t 2 ;;
    bash:0) read -r -t 0.02 -u "$_fifobus_pipe" it ;;
    *) command sleep 0.02 2>/dev/null || command sleep 1 ;;
  esac || :
}

# --- Subscribing, sections 7 and 9 ---

_fifobus_join() {
  local bus filter name hex rest byte
  [ $# -gt 0 ] || { _fifobus_give_up 'there is no filter'; return; }
  for filter; do _fifobus_check_filter "$filter" || return; done
  _fifobus_find_bus
  if [ -n "$_fifobus_inbox" ]; then bus=$_fifobus_bus; fi
  # Not in the runtime folder of another user, 5.1.
  if [ "$bus" != "\${XDG_RUNTIME_DIR-}/fifobus" ] || [ -O "\${bus%/*}" ]; then
    [ -d "$bus" ] || command mkdir -m 700 -- "$bus" 2>/dev/null || :
  fi
  _fifobus_check_bus || return
  if [ -z "$_fifobus_inbox" ]; then
    _fifobus_bus=$bus
    _fifobus_id=$$-$(command od -An -N8 -tx1 /dev/urandom | command tr -d ' \\n')
    _fifobus_make_inbox "$bus/.$_fifobus_id" || {
      _fifobus_give_up "a FIFO cannot be made in $bus"
      return
    }
  fi
  for filter; do
    filter=\${filter#topic:}
    case $nl$_fifobus_filters in *"$nl$filter$nl"*) continue ;; esac
    _fifobus_encode "$filter"
    name=$name@$_fifobus_id
    if ! command ln -- "$bus/.$_fifobus_id" "$bus/$name" 2>/dev/null ||
      [ ! "$bus/$name" -ef "/dev/fd/$_fifobus_inbox" ]; then
      command rm -f -- "$bus/$name"
      [ -n "$_fifobus_filters" ] || _fifobus_leave
      _fifobus_give_up "\\"$filter\\" cannot be a hard link in $bus"
      return
    fi
    _fifobus_filters=$_fifobus_filters$filter$nl
    _fifobus_names=$_fifobus_names$name$nl
    _fifobus_add_values "$filter"
  done
}

_fifobus_check_filter() {
  case $1 in
    topic:*) set -- "\${1#topic:}" ;;
    -* | /* | ./* | ../* | fifo:* | *://*)
      _fifobus_give_up "\\"$1\\" needs the program sub: only filters do not"
      return
      ;;
  esac
  case $1 in
    '$share/'* | '$share')
      _fifobus_give_up 'a group needs the program sub' || return
      ;;
  esac
  _fifobus_is_text "$1" || { _fifobus_give_up 'it is not a filter'; return; }
  # + and # stand for whole levels, # for the last ones.
  case /$1/ in
    *[!/]+* | *+[!/]* | *[!/]'#'* | *'#'[!/]* | *'#/'?*)
      _fifobus_give_up "\\"$1\\" is not a filter" || return
      ;;
  esac
}

_fifobus_make_inbox() {
  command mkfifo -m 600 -- "$1" 2>/dev/null || return
  case $_fifobus_kind in
    zsh) sysopen -r -w -o cloexec -u _fifobus_inbox "$1" ;;
    bash) exec {_fifobus_inbox}<>"$1" ;;
    *) exec 9<>"$1" && _fifobus_inbox=9 ;;
  esac
}

# Encodes a filter as $name, 6.3.
_fifobus_encode() {
  hex=$(printf %s "$1" | command od -An -v -tx1 | command tr -d ' \\n' |
    command tr a-f A-F)
  rest=$1 name=''
  while [ -n "$hex" ]; do
    byte=\${rest%"\${rest#?}"}
    case $name$byte in
      .) name=%2E ;;
      *[abcdefghijklmnopqrstuvwxyz0123456789_.!~*\\'\\(\\)-]) name=$name$byte ;;
      *) name=$name%\${hex%"\${hex#??}"} ;;
    esac
    rest=\${rest#?} hex=\${hex#??}
  done
}

# Adds the last values that a filter matches, 9.3.
_fifobus_add_values() {
  local wanted="$1" value
  IFS=''
  set +f
  set -- "$bus"/retained/*
  set -f
  for it; do
    case \${it##*/} in @*) continue ;; esac
    [ -f "$it" ] && [ ! -L "$it" ] && [ -O "$it" ] || continue
    if ! _fifobus_decode "\${it##*/}" || ! _fifobus_is_topic "$filter"; then
      continue
    fi
    _fifobus_matches "$wanted" "$filter" || continue
    if [ "$_fifobus_kind" = sh ]; then
      value=$(command cat -- "$it" && echo .)
      value=\${value%"$nl."}
      value=\${value%.}
    # A NUL ends it: no variable can hold one.
    elif IFS= read -r -d '' value <"$it"; then continue; fi
    case $value in *"$nl"*) continue ;; esac
    case $nl$_fifobus_values in *"$nl$filter$tab"*) continue ;; esac
    _fifobus_values=$_fifobus_values$filter$tab$value$nl
  done
  IFS=' '
}

# Removes the FIFO at the end, and then does what the trap of the user says.
_fifobus_on_exit() {
  _fifobus_trapped=yes
  local nl="$_fifobus_nl" it traps
  if [ "$_fifobus_kind" != bash ]; then
    # $(trap) would be empty in dash and zsh.
    it=$_fifobus_bus/.trap-$_fifobus_id
    trap >|"$it"
    traps=$(command cat -- "$it")
    command rm -f -- "$it"
  else traps=$(trap); fi
  if [ "$_fifobus_kind" = zsh ]; then
    eval 'typeset -ga zshexit_functions && zshexit_functions+=(sub_close)'
  else
    it=$nl$traps
    case $it in
      *"' EXIT"*)
        it=\${it%%"' EXIT"*}
        eval "it='\${it##*"\${nl}trap -- '"}'"
        ;;
      *) it='' ;;
    esac
    # && keeps the exit code and does not end the trap, with set -e neither.
    # shellcheck disable=SC2064
    trap "_fifobus_end && :$nl$it" EXIT
    [ "$_fifobus_kind" = sh ] || return 0
  fi
  for it in HUP INT TERM; do
    case $it:$-:$traps in
      # At a prompt, these do not end a shell.
      [IT]*:*i*:*) ;;
      *" $it" | *" SIG$it" | *" $it$nl"* | *" SIG$it$nl"*) ;;
      *)
        # shellcheck disable=SC2064
        trap "sub_close; trap - $it; kill -s $it \\$\\$" "$it" ;;
    esac
  done
}

_fifobus_end() {
  set -- "$?"
  sub_close
  return "$1"
}

_fifobus_leave() {
  local bus="$_fifobus_bus"
  IFS=$nl
  for it in ".$_fifobus_id" $_fifobus_names; do
    command rm -f -- "$bus/$it"
  done
  case $_fifobus_kind in
    sh) exec 9<&- ;;
    *) exec {_fifobus_inbox}<&- ;;
  esac
  _fifobus_inbox='' _fifobus_filters='' _fifobus_names='' _fifobus_values=''
  _fifobus_part='' _fifobus_size='' _fifobus_last=''
}

# Waits for the next message, section 3 and 7.5.
_fifobus_receive() {
  local record chunk='' bus="$_fifobus_bus" left='' pause=1 tag
  [ -z "$_fifobus_wait" ] || _fifobus_measure || return
  _fifobus_reply=''
  if [ -n "$_fifobus_values" ]; then
    record=\${_fifobus_values%%"$nl"*}
    _fifobus_values=\${_fifobus_values#*"$nl"}
    _fifobus_last=\${record%%"$tab"*} _fifobus_got=\${record#*"$tab"}
    return
  fi
  while :; do
    _fifobus_read_record || return
    case $record in
      *"\${_fifobus_syn}fifobus wake "????????"$_fifobus_syn")
        _fifobus_part=\${record%"$_fifobus_syn"*"$_fifobus_syn"}
        continue
        ;;
    esac
    _fifobus_is_message && return
  done
}

# Sets $left to the milliseconds of -t.
_fifobus_measure() {
  case $_fifobus_wait in
    *[!0-9.]* | *.*.* | .)
      printf 'sub_read: -t takes seconds, not "%s"\\n' "$_fifobus_wait" >&2
      return 2
      ;;
  esac
  left=\${_fifobus_wait%%.*}
  set -- "\${_fifobus_wait#"$left"}"
  set -- "\${1#.}000"
  left=$((10#\${left:-0} * 1000 + 10#\${1%"\${1#???}"}))
  # read -t 0 would only look.
  [ "$left" -gt 0 ] || left=1
}

# Reads a record up to its line feed, with what _fifobus_part has of it.
_fifobus_read_record() {
  while :; do
    record=''
    code=0
    if [ -n "$left" ] && [ "$left" -lt 1000 ]; then
      pause=$((left + 1000))
      pause=0.\${pause#?}
    fi
    case $_fifobus_kind in
      bash)
        IFS= read -r -t "$pause" -n 1179648 -u "$_fifobus_inbox" record ||
          code=$?
        [ \${#record} -lt 1179648 ] || code=2
        ;;
      zsh)
        # The time is for the first byte; nobody writes half of a record.
        IFS= read -r -t "$pause" -u "$_fifobus_inbox" record || code=142
        [ -p "/dev/fd/$_fifobus_inbox" ] || code=1
        ;;
      *) IFS= read -r record <&9 || code=1 ;;
    esac
    record=$_fifobus_part$record
    case $code in
      0)
        _fifobus_part=''
        return
        ;;
      1) return 1 ;;
      2)
        echo 'sub_read: a message is longer than 1 MiB' >&2
        return 1
        ;;
    esac
    _fifobus_part=$record
    _fifobus_mend || return
    [ -n "$left" ] || continue
    left=$((left - 1000))
    [ "$left" -gt 0 ] || return 124
  done
}

_fifobus_tell_lost() {
  echo 'sub_read: a message was lost: its publisher was killed' >&2
}

# Makes names again that a cleaner has removed, 7.6.
_fifobus_mend() {
  IFS=$nl
  for it in ".$_fifobus_id" $_fifobus_names; do
    [ ! -p "$bus/$it" ] || continue
    for chunk in ".$_fifobus_id" $_fifobus_names; do
      [ -p "$bus/$chunk" ] || continue
      command ln -- "$bus/$chunk" "$bus/$it" 2>/dev/null && break
    done
  done
  [ ! -p "$bus/.$_fifobus_id" ] || return 0
  # None is left.
  set -- $_fifobus_filters
  _fifobus_leave
  IFS=' '
  _fifobus_join "$@" && return
  echo "sub_read: $_fifobus_reason" >&2
  return 1
}

# Tells whether a record is a message for this shell, and takes it apart.
_fifobus_is_message() {
  local size="$_fifobus_size" can="$_fifobus_can" before
  _fifobus_size=''
  case $record in
    *"\${can}fifobus torn$can") return 1 ;;
    *"\${can}fifobus lost$can" | *"\${can}fifobus large "*[0-9]"$can")
      before=\${record%"$can"*"$can"}
      case $record in
        *" "*[0-9]"$can")
          record=\${record%"$can"}
          _fifobus_size=\${record##* }
          ;;
      esac
      [ -z "$before$size" ] || _fifobus_tell_lost
      return 1
      ;;
    "\${can}fifobus missed "*"$can")
      record=\${record#"\${can}fifobus "}
      echo "sub_read: \${record%"$can"}" >&2
      return 1
      ;;
  esac
  if [ -n "$size" ] && [ "\${#record}" -ne "$size" ]; then
    _fifobus_tell_lost
    return 1
  fi
  case $record in *"$tab"*) ;; *) return 1 ;; esac
  tag=\${record%%"$tab"*}
  case $tag in
    *"$_fifobus_us"*)
      _fifobus_reply=\${tag#*"$_fifobus_us"} tag=\${tag%%"$_fifobus_us"*}
      _fifobus_is_topic "$_fifobus_reply" || { _fifobus_reply='' && return 1; }
      ;;
    *) _fifobus_reply='' ;;
  esac
  if [ "$tag" != "$_fifobus_last" ]; then
    _fifobus_is_topic "$tag" || return 1
    IFS=$nl
    for it in $_fifobus_filters; do
      _fifobus_matches "$it" "$tag" || continue
      _fifobus_last=$tag
      break
    done
    [ "$tag" = "$_fifobus_last" ] || return 1
  fi
  _fifobus_got=\${record#*"$tab"}
}

[ -z "$_fifobus_aliases" ] || shopt -s expand_aliases
if [ -n "\${KSH_VERSION-}" ]; then
  unset -f pub sub_open sub_read sub_close
  echo 'fifobus.sh: ksh cannot run it; bash, zsh, dash and BusyBox can' >&2
fi
`;
