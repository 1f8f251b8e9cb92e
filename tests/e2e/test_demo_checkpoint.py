#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo-checkpoint: to its end, and ended by a signal at a random moment.
Either way it leaves neither a file nor a process.
"""
import os
import pathlib
import random
import re
import signal
import subprocess
import sys

from ending import wait_for_handler
from linux_machine import ROOT, kernel
from smudgetest import PATIENCE, TOOL, case, check, check_equal, main, note, \
    wait_until

BUILD = pathlib.Path(TOOL).parent.parent
ALL_PAGES = 65536


def start(lab):
    cache = kernel().root.parent
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts/demo-checkpoint.py", BUILD,
         "--kernels", cache], stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(lab.folder)})
    lab.closers.append(process.kill)
    return process


def processes_in(folder):
    """Those that work in it, also if it is no more."""
    found = []
    for link in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(link).startswith(str(folder)):
                found.append((link.parent / "comm").read_text().strip())
        except OSError:  # it ended, or is another user's
            pass
    return found


def check_nothing_left(lab):
    check_equal(list(lab.folder.iterdir()), [], "files left")
    wait_until(lambda: not processes_in(lab.folder), "no process is left")


@case
def to_its_end(lab):
    process = start(lab)
    out, err = process.communicate(timeout=4 * PATIENCE)
    check_equal((process.returncode, err), (0, ""), f"end, after {out}")
    note(out)
    for text in (r"^ +1 +\d+ +full ", r"^ +10 +\d+ +delta ", "10 images, no error",
                 r"^Restored twice, no error"):
        check(re.search(text, out, re.M), f"no {text!r} in {out}")
    pages = [int(text.replace(",", "")) for text in
             re.findall(r"^ +\d+ +\d+ +delta +([\d,]+) ", out, re.M)]
    # some hundred pages per tick, and not all that there are
    check(len(pages) == 9 and all(0 < n < ALL_PAGES / 2 for n in pages), out)
    check_equal(len(re.findall("^witness: restored: ", out, re.M)), 2, out)
    check_nothing_left(lab)


def is_over(process, after_s):
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def is_ended(lab, number, after_s):
    """By the signal: not if all was over by then, or was said already."""
    note(f"{number.name} after {after_s:.2f} s")
    process = start(lab)
    # the last one that it has a handler for
    wait_for_handler(process, signal.SIGHUP)
    if is_over(process, after_s):
        check_equal(process.returncode, 0, "end")
        return False
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    check_nothing_left(lab)
    if "\nRestored twice" in out:
        return False
    check_equal((process.returncode, err),
                (128 + number, f"demo-checkpoint: ended by {number.name}\n"),
                f"end, after {out}")
    return True


@case
def ended_by_a_signal(lab):
    number = random.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    latest_s = 25  # on a quick machine it may be over by then
    while not is_ended(lab, number, random.uniform(0, latest_s)):
        latest_s /= 2


if __name__ == "__main__":
    main()
