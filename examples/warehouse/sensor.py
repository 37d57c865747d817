"""A thermometer: prints a temperature in °C, again and again.

    python3 sensor.py BASE SECONDS [COUNT] | pub -l warehouse/a2/temperature
"""

import random
import signal
import sys
import time

if len(sys.argv) < 3:
    sys.exit("usage: sensor.py BASE SECONDS [COUNT]")
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ends without a traceback.
celsius = base = float(sys.argv[1])
seconds = float(sys.argv[2])
left = int(sys.argv[3]) if len(sys.argv) > 3 else -1
while left != 0:
    celsius += (base - celsius) / 10 + (random.random() - 0.5) / 2
    # To a pipe nothing is printed before it is flushed.
    print(f"{celsius:.1f}", flush=True)
    time.sleep(seconds)
    left -= 1
