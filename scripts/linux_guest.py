# SPDX-License-Identifier: MIT
"""A Linux guest for stock QEMU that is the witness of its own memory: one of
Debian's kernels, busybox, and the program guests/linux/witness.c, whose lines
come from the serial port.
"""
import collections
import os
import pathlib
import re
import time

import kernel_initramfs
import qemu_program
import stopping

GUESTS = pathlib.Path(__file__).resolve().parent.parent / "guests/linux"
MEMORY = "256M"
# As in kernel_machine.py: QEMU 7.2's traps for Linux guests without KVM.
EMULATED = ["-accel", "tcg,thread=single", "-cpu", "max,la57=off,erms=off"]
APPEND = "console=ttyS0 quiet panic=-1 mitigations=off"
TICK = re.compile(r"witness: tick (\d+): pages written (\d+), checked (\d+), "
                  r"errors (\d+)")
PAGES = 16384  # that the witness has

Tick = collections.namedtuple("Tick", "number written checked errors")


def checkpointable():
    """This is all that a checkpoint from outside asks of QEMU's arguments."""
    backend, *rest = qemu_program.shared_memory().split(",")
    return ["-machine", "q35,memory-backend=mem", "-object",
            ",".join([backend, "id=mem", f"size={MEMORY}", *rest])]


def accelerated():
    if qemu_program.has_kvm():
        return ["-accel", qemu_program.ACCELERATOR, "-cpu", "max"]
    return EMULATED


def make_initramfs(path, witness):
    with open(path, "wb") as file:
        archive = kernel_initramfs.Archive(file)
        for name in ("dev", "proc", "sys"):
            archive.add_folder(name)
        archive.add_file("init", (GUESTS / "init.sh").read_bytes())
        archive.add_file("bin/busybox", kernel_initramfs.busybox())
        archive.add_file("bin/witness", pathlib.Path(witness).read_bytes())
        archive.end()


def command(kernel, initramfs, console, qmp, accel=None,
            memory=None):
    """QEMU's command line. It ends with us, however we end."""
    return ["setpriv", "--pdeathsig", "KILL", qemu_program.PROGRAM,
            *(accel or accelerated()), *(memory or checkpointable()), "-m", MEMORY, "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot",
            "-kernel", str(kernel.image), "-initrd", str(initramfs),
            "-append", APPEND,
            # a restored machine continues the file
            "-chardev", f"file,id=console,path={console},append=on",
            "-serial", "chardev:console",
            "-qmp", f"unix:{qmp},server=on,wait=off"]


class Broken(Exception):
    """What the guest says is not right, or it says nothing."""


class Console:
    """What the guest says, in all its lives."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def mark(self):
        """A place: the end of what was said until now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def lines(self, since=0):
        """Whole ones."""
        if not self.path.exists():
            return []
        text = self.path.read_bytes()[since:].decode(errors="replace")
        return text.replace("\r", "").split("\n")[:-1]

    def ticks(self, since=0):
        found = map(TICK.fullmatch, self.lines(since))
        return [Tick(*map(int, match.groups())) for match in found if match]

    def wait(self, condition, what, seconds=120, is_there=lambda: True):
        """The first true value of condition(); the machine is to run on."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if not is_there():
                raise Broken(f"the machine ended before {what}")
            if time.monotonic() > end:
                raise Broken(f"never happened in {seconds} s: {what}; it said "
                             f"at last {self.lines()[-1:]}")
            with stopping.allowed():
                time.sleep(0.05)

    def wait_ticks(self, more, since=0, **options):
        return self.wait(lambda: len(self.ticks(since)) >= more and
                         self.ticks(since), f"{more} ticks", **options)


def check_witness(console, since=0):
    """That no error was found since then, and no tick left out."""
    errors = [line for line in console.lines(since) if "error: " in line]
    ticks = console.ticks(since)
    if errors or any(tick.errors for tick in ticks):
        raise Broken(f"the guest found errors: {(errors or ticks)[:3]}")
    for one, next_one in zip(ticks, ticks[1:]):
        if next_one.number != one.number + 1 or \
                next_one.written <= one.written:
            raise Broken(f"{next_one} after {one}")
    return ticks


def check_restored(console, since, earliest, latest, **options):
    """It continues after one of the ticks from earliest to latest, checks all of
    its pages once more, and finds them right. Return: its first tick."""
    def has_checked_all():
        ticks = console.ticks(since)
        return ticks and ticks[-1].checked >= ticks[0].checked + PAGES

    console.wait(has_checked_all, "a check of all pages", **options)
    first = check_witness(console, since)[0]
    # the line of one more may have been torn
    if not earliest < first.number <= latest + 2:
        raise Broken(f"it continues with {first}, saved after one of the ticks "
                     f"{earliest} to {latest}")
    return first.number


def ends_with_us(arguments):
    """A command whose process is killed when this one ends."""
    return ["setpriv", "--pdeathsig", "KILL", *map(os.fspath, arguments)]
