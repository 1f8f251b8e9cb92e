# SPDX-License-Identifier: MIT
"""Signals at random moments, and how soon a process ends: what test_ending
and test_tool_ending share."""
import os
import random
import subprocess
import time

from smudgetest import check, note

ROUNDS = int(os.environ.get("SMUDGE_END_ROUNDS", "10"))
SEED = int(os.environ.get("SMUDGE_TEST_SEED") or
           str(random.SystemRandom().getrandbits(32)), 0)
# one second is promised; a busy machine schedules us late
LIMIT = float(os.environ.get("SMUDGE_END_SECONDS", "1.5"))
RNG = random.Random(SEED)


def moments():
    """The numbers of the rounds, after a note of what repeats them."""
    note(f"SMUDGE_TEST_SEED={SEED:#x}, {ROUNDS} moments")
    return range(ROUNDS)


def a_while(most, least=0):
    time.sleep(RNG.uniform(least, most))


def end_in_time(process, number, name, wait):
    """Sends the signal; what @wait returned, and the seconds it took."""
    began = time.monotonic()
    process.send_signal(number)
    try:
        result = wait()
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{name} did not end")
    took = time.monotonic() - began
    check(took <= LIMIT, f"{name} took {took:.2f} s to end: {result!r}")
    return result, took
