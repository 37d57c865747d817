#!/bin/sh
# A thermometer: prints a temperature in °C, again and again. Its aisle has a
# door that stays open for too long: it gets warmer by 5 °C, then cold again.
#
#     sh sensor.sh BASE SECONDS [COUNT] | pub -l warehouse/a7/temperature
if [ $# -lt 2 ]; then
  echo 'usage: sensor.sh BASE SECONDS [COUNT]' >&2
  exit 2
fi
# The shell counts in whole numbers: tenths of a degree.
case $1 in
*.*) tenths=${1%.*}${1#*.} ;;
*) tenths=${1}0 ;;
esac
lowest=$tenths step=2 left=${3:--1}
while [ "$left" -ne 0 ]; do
  printf '%d.%d\n' $((tenths / 10)) $((tenths % 10))
  [ "$tenths" -ge $((lowest + 50)) ] && step=-2
  [ "$tenths" -le "$lowest" ] && step=2
  tenths=$((tenths + step))
  left=$((left - 1))
  sleep "$2"
done
