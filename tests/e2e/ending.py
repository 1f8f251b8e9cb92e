# SPDX-License-Identifier: MIT
"""Signals at random moments, and how soon a process ends: what test_ending
and test_tool_ending share."""
import os
import pathlib
import random
import re
import signal
import subprocess
import time

from smudgetest import Skip, check, note, wait_until
from stopwatch import Stopwatch

ROUNDS = int(os.environ.get("SMUDGE_END_ROUNDS", "10"))
SEED = int(os.environ.get("SMUDGE_TEST_SEED") or
           str(random.SystemRandom().getrandbits(32)), 0)
# one second is promised; a busy machine is given more, as it is late
LIMIT = float(os.environ.get("SMUDGE_END_SECONDS", "1.5"))
RNG = random.Random(SEED)


def moments():
    """The numbers of the rounds, after a note of what repeats them."""
    note(f"SMUDGE_TEST_SEED={SEED:#x}, {ROUNDS} moments")
    return range(ROUNDS)


def a_while(most, least=0):
    time.sleep(RNG.uniform(least, most))


def end_watched(process, number, name, wait):
    """Sends the signal; what @wait returned, and the watch of that time."""
    with Stopwatch() as watch:
        process.send_signal(number)
        try:
            result = wait()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{name} did not end")
    watch.check(LIMIT, f"the end of {name}, {result!r}")
    return result, watch


def end_in_time(process, number, name, wait):
    """Sends the signal; what @wait returned, and the seconds it took."""
    result, watch = end_watched(process, number, name, wait)
    return result, watch.took


def end_orderly(process, number, name, wait):
    """Not by the alarm with which smudge ends what is not ended in a second."""
    result, watch = end_watched(process, number, name, wait)
    if process.returncode == -signal.SIGALRM:
        check(watch.is_busy(1.2), f"{name} did not end but by its alarm")
        raise Skip(f"a busy machine did not let {name} end in time")
    return result


def wait_for_handler(process, number=signal.SIGTERM):
    """Until the signal has a handler or is blocked: its main has begun."""
    def has_begun():
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return True  # it has ended, which the caller sees
        masks = re.findall(r"^Sig(?:Blk|Cgt):\s*(\w+)", status, re.M)
        return process.poll() is not None or \
            any(int(mask, 16) >> number - 1 & 1 for mask in masks)
    wait_until(has_begun, "a handler of the signal")
