#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the processes of some programs take together.

    peak.py PROGRAM...

looks at them until it is ended by SIGTERM, then prints the most that they took at a time, in KiB. What several
processes share counts once.
"""

import ctypes
import os
import platform
import re
import signal
import sys
import time

PAUSE = 0.1  # seconds; each look takes some milliseconds
KCMP = {"x86_64": 312, "aarch64": 272}[platform.machine()]
KCMP_VM = 1


def same_memory(one, other):
    """Whether the two are threads of a kind that has a process number of its own, as those of User-mode Linux."""
    return ctypes.CDLL(None).syscall(KCMP, one, other, KCMP_VM, 0, 0) == 0


def is_one_of(programs, pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().split(b"\0")
    return os.path.basename(words[0]).decode(errors="replace") in programs


def share(pid):
    """Of what the process shares with others, its part."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss: *(\d+) kB", file.read(), re.MULTILINE)[1])


def look(programs):
    counted = []
    total = 0
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        try:
            if is_one_of(programs, pid) and not any(same_memory(pid, other) for other in counted):
                total += share(pid)
                counted.append(pid)
        except (OSError, TypeError):
            pass  # it has ended
    return total


def main():
    peak = 0
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not ended:
        peak = max(peak, look(sys.argv[1:]))
        time.sleep(PAUSE)
    print(peak)


main()
