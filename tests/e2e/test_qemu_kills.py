#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""QEMU and smudge are killed at once, at random moments of checkpoints, or smudge
alone, and QEMU when it is seen that the guest ran on. Each time the last layer
that is in place is restored, and the guest, which continues from that moment,
finds all of its memory right.

usage: test_qemu_kills.py [--rounds N] [--seed S]
"""
import argparse
import os
import random
import shutil
import signal
import time

from layers import listed
from linux_machine import Moments, Saver, boot, linux_guest, restore
from smudgetest import PATIENCE, case, check, check_equal, main, note, \
    wait_until

INTERVAL_S = "0.5"
# It attaches, and saves all memory in some seconds; then a delta each interval.
FULL_S, DELTAS_S = 3.0, 1.5


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        default=int(os.environ.get("SMUDGE_TEST_SEED", "0"), 0)
                        or random.SystemRandom().getrandbits(32))
    return parser.parse_args()


ARGUMENTS = parse()


def newest(folder):
    """Of the layers in place; None without any."""
    if not list(folder.glob("layer-*.qcow2")):
        return None
    return listed(folder)[-1]


def kill_qemu_first(machine, saver):
    os.kill(machine.process.pid, signal.SIGKILL)
    os.kill(saver.process.pid, signal.SIGKILL)


def kill_smudge_first(machine, saver):
    os.kill(saver.process.pid, signal.SIGKILL)
    os.kill(machine.process.pid, signal.SIGKILL)


def kill_smudge_alone(machine, saver):
    """The guest runs on."""
    os.kill(saver.process.pid, signal.SIGKILL)
    machine.wait_ticks(2)


KINDS = (kill_qemu_first, kill_smudge_first, kill_smudge_alone)


class Rounds:
    def __init__(self, lab):
        self.lab = lab
        self.random = random.Random(ARGUMENTS.seed)
        self.machine = boot(lab)
        self.last = None  # (folder, layer, earliest tick, latest)
        self.killed_in = {"before its first layer": 0, "later": 0}

    def first_layer(self):
        """Whatever is killed, there is one to go back to."""
        moments = Moments(self.machine)
        folder = self.lab.path("layers-0")
        moments.look()
        saver = Saver(self.lab, self.machine, folder)
        saver.process.wait(PATIENCE)
        check_equal(saver.process.returncode, 0, f"status: {saver.errors()}")
        moments.look()
        self.remember(folder, moments)

    def remember(self, folder, moments):
        """The newest layer of the folder, if there is one."""
        layer = newest(folder)
        self.killed_in["later" if layer else "before its first layer"] += 1
        if layer is None:
            shutil.rmtree(folder, ignore_errors=True)
            return
        if self.last:
            shutil.rmtree(self.last[0])
        self.last = (folder, layer["number"],
                     *moments.around(layer["time-ns"], layer["pause-ns"]))

    def wait_random_moment(self, saver, moments):
        """In a third of the rounds while it saves all, else later."""
        is_early = self.random.random() < 1 / 3
        rest_s = self.random.uniform(0, FULL_S if is_early else DELTAS_S)

        def has_come():
            moments.look()
            return is_early or saver.layers()

        wait_until(has_come, "a first layer")
        end = time.monotonic() + rest_s
        while time.monotonic() < end:
            moments.look()
            time.sleep(min(0.02, max(0, end - time.monotonic())))

    def kill(self, number):
        folder = self.lab.path(f"layers-{number}")
        moments = Moments(self.machine)
        moments.look()
        saver = Saver(self.lab, self.machine, folder, "--every", INTERVAL_S)
        self.wait_random_moment(saver, moments)
        check(saver.process.poll() is None,
              f"smudge checkpoint ended: {saver.errors()!r}")
        check(self.machine.is_there(), f"QEMU: {self.machine.log()!r}")
        self.random.choice(KINDS)(self.machine, saver)
        self.machine.kill()
        saver.kill()
        self.machine.check()
        self.remember(folder, moments)

    def restore(self, number):
        folder, layer, earliest, latest = self.last
        self.machine = restore(self.lab, self.machine, folder, layer,
                               f"memory-{number}", f"round-{number}")
        linux_guest.check_restored(
            self.machine.console, self.machine.since, earliest, latest,
            is_there=self.machine.is_there)
        if number > 1:
            self.lab.path(f"memory-{number - 1}").unlink()


@case
def killed_at_random_moments(lab):
    note(f"seed {ARGUMENTS.seed:#x}, {ARGUMENTS.rounds} rounds")
    rounds = Rounds(lab)
    rounds.first_layer()
    for number in range(1, ARGUMENTS.rounds + 1):
        rounds.kill(number)
        rounds.restore(number)
    note(f"killed {rounds.killed_in}")


if __name__ == "__main__":
    main()
