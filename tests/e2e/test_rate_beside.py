#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge rate beside another program that tracks the process.

Nothing is timed: the target writes and the tracker arms pages again when they
are told to, and a step begins when the one before was seen.
"""
import json
import os
import re
import signal
import subprocess

from ratetest import MAP, Measured, Target, over_if_late, pages_of, rate, \
    start
from smudgetest import PATIENCE, TOOL, Skip, case, check, check_equal, \
    check_sentence, main, wait_until

TRACKER = os.environ["SMUDGE_RATE_TRACKER"]
NPAGES = 4096


class Tracker:
    """Another one, which arms pages again when it is told to."""

    def __init__(self, lab, target, method, *pattern):
        self.process = subprocess.Popen(
            [TRACKER, target.pid, method, *pattern], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        lab.closers.append(self.end)
        if self.process.stdout.readline() != "ready\n":
            reason = self.process.communicate(timeout=PATIENCE)[1].strip()
            if method in os.environ.get("SMUDGE_REQUIRE", "").split(","):
                raise AssertionError(f"{method} is required: {reason}")
            raise Skip(f"no method {method}: {reason}")

    @property
    def pid(self):
        return self.process.pid

    def arm(self):
        """Return: how many pages were written since the last time."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def let_go(self):
        """It ends."""
        self.process.stdin.close()
        check_equal(self.process.wait(timeout=PATIENCE), 0, "tracker's status")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout,
                     self.process.stderr):
            pipe.close()


def beside(line):
    return line["processes"][0]["beside"]


def bounds(lines):
    """Of the numbers of pages of all lines."""
    return (sum(line["sum"]["low-pages"] for line in lines),
            sum(line["sum"]["high-pages"] for line in lines))


def rearms(measured, number):
    """Lines up to one that has seen so many re-arms."""
    found = []
    wait_until(lambda: found.extend(measured.pending()) or
               (found and beside(found[-1])["re-arms"] >= number),
               f"{number} re-arms")
    return found


def bursts_are_counted(lab, method):
    """Whole bursts after a re-arm; without one, what is not sure is said."""
    target = Target(lab, npages=NPAGES)
    target.rest()
    tracker = Tracker(lab, target, method)
    measured = Measured(lab, target, "--interval", "0.2", *MAP)
    first = measured.lines(2)[-1]
    process = first["processes"][0]
    check_equal((process["method"], first["sum"]["is-lower-bound"]),
                ("beside", True), "method")
    check(str(tracker.pid) in process["reason"], process["reason"])
    check_equal(process["cost"]["stops"], 0, "stops")
    written = 500
    target.burst(written)
    check_equal(pages_of(measured.after()), written, "pages of a burst")
    for number in range(1, 4):
        armed = tracker.arm()
        check(armed >= written, f"{armed} pages of {written} at the tracker")
        rearms(measured, number)
        measured.after()
        written = 500 * number
        target.burst(written)
        check_equal(pages_of(measured.after()), written, "pages of a burst")
    check_equal(bounds(measured.after())[0], 0, "pages while it rests")
    # all others, and then 1000 of those that were written already
    target.burst(NPAGES - written + 1000)
    low, high = bounds(measured.after())
    check(NPAGES - written <= low <= NPAGES - written + 1000 <= high,
          f"from {low} to {high} pages")
    armed = tracker.arm()
    check(armed >= NPAGES, f"{armed} pages of {NPAGES} at the tracker")
    target.is_right()


@case
def bursts_by_uffd(lab):
    bursts_are_counted(lab, "uffd")


@case
def bursts_by_soft_dirty(lab):
    bursts_are_counted(lab, "soft-dirty")


@case
def windows_begin_at_a_rearm(lab):
    """Windows are unknown without one, and whole with one."""
    target = Target(lab, npages=NPAGES)
    target.rest()
    tracker = Tracker(lab, target, "uffd")
    target.burst(300)
    measured = Measured(lab, target, "--interval", "0.5", *MAP)
    for line in measured.lines(4):
        check_equal({w["count"] for w in line["sum"]["windows"]}, {0},
                    "windows before a re-arm")
    tracker.arm()
    rearms(measured, 1)
    target.burst(700)
    found = measured.after()
    wait_until(lambda: found.extend(measured.pending()) or
               found[-1]["sum"]["windows"][3]["last-pages"] is not None,
               "the window of 5 s")
    windows = {w["window-s"]: w for w in found[-1]["sum"]["windows"]}
    pages = [windows[s]["last-pages"] for s in (0.1, 0.5, 1.0, 5.0)]
    check(pages == sorted(pages) and pages[-1] <= 700, f"windows of {pages}")
    longest = [line["sum"]["windows"][3]["mean-s"] for line in found
               if line["sum"]["windows"][3]["count"]]
    check(longest and longest[0] >= 5, f"a window of {longest} s")


@case
def nothing_is_invented(lab):
    """A process that writes and a tracker that re-arms as they like."""
    target = Target(lab, npages=NPAGES, batch=50, pause_us=2000)
    tracker = Tracker(lab, target, "uffd")
    before = target.count()
    measured = Measured(lab, target, "--interval", "0.3", *MAP)
    lines = []
    while len(lines) < 12:
        tracker.arm()
        lines += measured.pending()
    # the pages of the last line were written before it was read
    check(pages_of(lines) <= target.count() - before,
          f"{pages_of(lines)} pages of {target.count() - before}")
    check(beside(lines[-1])["re-arms"] > 0 and
          beside(lines[-1])["unseen-s"] > 0, beside(lines[-1]))
    target.is_right()


@case
def says_it_in_words(lab):
    target = Target(lab, npages=NPAGES)
    tracker = Tracker(lab, target, "uffd", "*rate-target*")
    done = rate(target.pid, "--count", 1, "--interval", "0.2")
    check_equal((done.returncode, done.stderr), (0, ""), "status and stderr")
    check("method beside, a lower bound: " in done.stdout and
          f"tracked by process {tracker.pid} already" in done.stdout,
          done.stdout)
    check(re.search(r"^\S+ s  at least [\d,]+ pages/s", done.stdout, re.M),
          done.stdout)
    # its stack is not the other one's
    check(re.search(r"^beside  \d+ re-arms, .* unseen; "
                    r"[1-9][\d.]* \w+ are not tracked$", done.stdout, re.M),
          done.stdout)
    check("[stack]" not in done.stdout, done.stdout)
    # another method that needs the process for itself is refused
    for method in ("uffd", "soft-dirty"):
        done = rate(target.pid, "--method", method)
        check_equal(done.returncode, 1, "status")
        check("already" in done.stderr or "soft" in done.stderr, done.stderr)


@case
def beside_checkpoints(lab):
    """Of a process that writes, each tenth of a second: both are right."""
    target = Target(lab, npages=NPAGES, batch=50, pause_us=2000)
    saved = lab.path("layers")
    checkpoints = subprocess.Popen(
        [TOOL, "checkpoint", "--pid", target.pid, "--to", saved, "--every",
         "0.3", "--json"], text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lab.closers.append(lambda: (checkpoints.kill(), checkpoints.communicate()))
    if not checkpoints.stdout.readline():
        raise Skip(checkpoints.stderr.read().strip())
    before = target.count()
    measured = Measured(lab, target, "--interval", "0.5", *MAP)
    lines = rearms(measured, 3)
    written = target.count() - before
    check_equal(lines[-1]["processes"][0]["method"], "beside", "method")
    check(str(checkpoints.pid) in lines[-1]["processes"][0]["reason"],
          lines[-1]["processes"][0]["reason"])
    check(pages_of(lines) <= written, f"{pages_of(lines)} pages of {written}")
    # and the checkpoints go on
    json.loads(checkpoints.stdout.readline())
    checkpoints.send_signal(signal.SIGTERM)
    out, sentences = checkpoints.communicate(timeout=PATIENCE)
    over_if_late(checkpoints)
    check_equal(checkpoints.returncode, 0, f"status of {out}, {sentences}")
    done = subprocess.run([TOOL, "layers", "verify", saved], text=True,
                          capture_output=True)
    check_equal(done.returncode, 0, f"{done}")
    target.is_right()


@case
def other_tracker_ends(lab):
    target = Target(lab, npages=NPAGES)
    tracker = Tracker(lab, target, "uffd")
    process = start(target.pid, "--json", "--interval", "0.2")
    lab.closers.append(lambda: process.poll() is None and process.kill())
    process.stdout.readline()
    tracker.let_go()
    out, sentence = process.communicate(timeout=PATIENCE)
    check_equal(process.returncode, 1, "status")
    check_sentence(sentence.strip(), "does not any more", "begin again")
    check_equal(json.loads(out.splitlines()[-1])["type"], "summary", "the end")
    target.is_right()


@case
def alone(lab):
    """There is none to be beside."""
    target = Target(lab, npages=64)
    done = rate(target.pid, "--method", "beside")
    check_equal((done.returncode, done.stdout), (1, ""), "status and stdout")
    check("no other program tracks the selected memory of process "
          f"{target.pid}" in done.stderr, done.stderr)
    target.is_right()


if __name__ == "__main__":
    main()
