# SPDX-License-Identifier: MIT
"""What the tests of smudge rate share."""
import json
import mmap
import os
import pathlib
import re
import select
import signal
import struct
import subprocess

from layers import does_not_stop
from smudgetest import PATIENCE, TOOL, Over, Skip, check, check_equal, \
    wait_until

TARGET = os.environ.get("SMUDGE_RATE_TARGET")
NPAGES = 1 << 16
MAP = ["--map", "*rate-target*"]


def rate(*arguments, **kwargs):
    """Where a thread did not stop the case begins again."""
    done = subprocess.run([TOOL, "rate", *map(str, arguments)], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, **kwargs)
    if does_not_stop(done.stderr):
        raise Over(done.stderr)
    return done


def start(*arguments, **kwargs):
    return subprocess.Popen([TOOL, "rate", *map(str, arguments)], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kwargs)


def over_if_late(process):
    """An alarm ends what has not ended within a second after a signal."""
    if process.returncode == -signal.SIGALRM:
        raise Over("a busy machine did not let smudge end within a second")


def lines_of(*arguments):
    """The objects of --json."""
    done = rate("--json", *arguments)
    check_equal((done.returncode, done.stderr), (0, ""), "status and stderr")
    return [json.loads(line) for line in done.stdout.splitlines()]


def need_method(pid, method):
    done = rate(pid, "--method", method, "--count", 1, "--interval", "0.1")
    if done.returncode == 0:
        return
    if method in os.environ.get("SMUDGE_REQUIRE", "").split(","):
        raise AssertionError(f"{method} is required: {done.stderr}")
    raise Skip(f"no method {method}: {done.stderr.strip()}")


class Target:
    """A process that writes a page after the other, and its count."""

    def __init__(self, lab, npages=NPAGES, batch=100, pause_us=10000,
                 children=0, suffix=""):
        self.path = lab.path(f"counter-{len(lab.closers)}{suffix}")
        self.process = subprocess.Popen(
            [TARGET, self.path, str(npages), str(batch), str(pause_us),
             str(children)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        lab.closers.append(self.end)
        wait_until(lambda: self.path.exists() and self.path.stat().st_size,
                   "the counter")
        self.file = open(self.path, "r+b")
        self.memory = mmap.mmap(self.file.fileno(), 0)
        for which in range(children + 1):
            wait_until(lambda: self.count(which), "a page is written")

    @property
    def pid(self):
        return str(self.process.pid)

    def count(self, which=0):
        return struct.unpack_from("Q", self.memory, 8 * which)[0]

    def rest(self):
        """Write no more."""
        self.limit(1)
        wait_until(lambda: pathlib.Path(f"/proc/{self.pid}/stat").read_text()
                   .rsplit(")", 1)[1].split()[0] == "S", "it rests")

    def limit(self, count):
        struct.pack_into("Q", self.memory, len(self.memory) - 8, count)

    def burst(self, npages):
        """Write so many pages more."""
        goal = self.count() + npages
        self.limit(goal)
        wait_until(lambda: self.count() == goal, f"{npages} pages are written")

    def goes_on(self):
        """It writes still."""
        before = self.count()
        wait_until(lambda: self.count() > before + 200, "it writes on")
        state = re.search(r"^State:\s+(\w)",
                          pathlib.Path(f"/proc/{self.pid}/status").read_text(),
                          re.M)[1]
        check(state in "RSD", f"its state is {state}")

    def is_right(self):
        """It ends, and all of its pages are as it wrote them."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=PATIENCE)
        check(self.process.returncode == 0 and set(out.split()) == {"right"},
              f"the target ended with {self.process.returncode}: {out!r}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.memory.close()
        self.file.close()


class Measured:
    """smudge rate --json of a target, line by line."""

    def __init__(self, lab, target, *arguments):
        self.process = start(target.pid, "--json", *arguments)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = ""
        lab.closers.append(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def pending(self):
        """The lines that are there now."""
        data = os.read(self.process.stdout.fileno(), 1 << 20) \
            if select.select([self.process.stdout], [], [], 0.1)[0] else b""
        *lines, self.rest = (self.rest + data.decode()).split("\n")
        return [json.loads(line) for line in lines]

    def lines(self, number):
        """That many lines, or some more."""
        found = []
        wait_until(lambda: found.extend(self.pending()) or len(found) >= number,
                   f"{number} lines")
        return found

    def summary(self):
        """A signal ends it, and it says this."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE)
        over_if_late(self.process)
        last = self.lines(1)[-1]
        check_equal((last["type"], status), ("summary", 0), "the end")
        return last

    def after(self):
        """Lines up to one whose harvest is after this call's beginning.

        What is written after the pipe was seen empty may be of a harvest before
        that; what follows it is not.
        """
        found = []
        while (more := self.pending()):
            found += more
        return found + self.lines(2)


def pages_of(lines):
    return sum(line["sum"]["pages"] for line in lines)
