"""Starts a command and prints its wall time, processor time and peak memory as JSON.

It runs as a process of its own because Linux counts the memory of the starting process into the peak of the
started one; this one is small. It must not import anything but the standard library.
"""

import json
import os
import subprocess
import sys
import time

BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024

if __name__ == "__main__":
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * BYTES_PER_UNIT
    cpu = usage.ru_utime + usage.ru_stime
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak / 1e6, "code": process.returncode}
    print(json.dumps(figures))
