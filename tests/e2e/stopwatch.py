# SPDX-License-Identifier: MIT
"""A limit of time on a machine that others use, too."""
import pathlib
import threading
import time

from smudgetest import check

STALL_S = 0.1


class Stopwatch:
    """How long a block takes, and how much later than on an idle machine.

    A thread uses the processor now and then meanwhile. How often it is kept
    waiting for one, by the kernel's count, is what a limit is multiplied by.
    What the kernel does not count is when all of the machine stands, or this
    group of processes: each time the thread is much later than it can be is
    added to the limit.
    """

    def __enter__(self):
        self.used_ns = self.waited_ns = self.stalled_s = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.took = time.monotonic() - self.began
        self.is_over.set()
        self.thread.join()
        self.slowdown = 1 + self.waited_ns / max(self.used_ns, 1)

    def _work(self):
        try:
            before = self._schedstat()
            while not self.is_over.is_set():
                began = time.monotonic()
                until = time.thread_time() + 0.005
                while time.thread_time() < until:
                    pass
                after = self._schedstat()
                self.used_ns = after[0] - before[0]
                self.waited_ns = after[1] - before[1]
                self.is_over.wait(0.015)
                late = time.monotonic() - began - 0.02
                self.stalled_s += late if late > STALL_S else 0
        except OSError:
            pass  # a kernel that does not count it: as if it were idle

    @staticmethod
    def _schedstat():
        text = pathlib.Path("/proc/thread-self/schedstat").read_text()
        return [int(number) for number in text.split()[:2]]

    def is_busy(self, times):
        """Was the machine so much slower, or did it stand?"""
        return self.slowdown > times or self.stalled_s > 0

    def check(self, seconds, what):
        check(self.took <= seconds * self.slowdown + self.stalled_s,
              f"{what}: {self.took:.2f} s, on a machine that was "
              f"{self.slowdown:.1f} times slower than an idle one, and stood "
              f"for {self.stalled_s:.2f} s")
