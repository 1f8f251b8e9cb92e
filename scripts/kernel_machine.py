# SPDX-License-Identifier: MIT
"""Machines that qemu emulates: each boots a kernel with an initramfs, and what
its tests print comes from its second serial port.
"""
import collections
import os
import selectors
import subprocess
import time

import stopping

MEMORY = "2G"
DISK_BYTES, SWAP_BYTES = 512 << 20, 256 << 20
# A thread for each processor crashes Linux 6.12 while it patches its own code
# (QEMU 7.2); without la57=off it looks for five levels of page tables; with
# erms it clears and copies pages by "rep stosb", which QEMU does byte by byte.
QEMU = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-smp", "1",
        "-cpu", "max,la57=off,erms=off", "-m", MEMORY, "-nodefaults",
        "-no-user-config", "-display", "none", "-no-reboot"]
# of a process that has closed its output
END_SECONDS = 10
APPEND = "console=ttyS0 panic=-1 mitigations=off"

Limits = collections.namedtuple("Limits", "boot_s silence_s all_s")


def make_drives(folder):
    """A file system for files and O_DIRECT, and a place for swap."""
    disk, swap = folder / "disk", folder / "swap"
    for path, size in ((disk, DISK_BYTES), (swap, SWAP_BYTES)):
        with open(path, "wb") as file:
            file.truncate(size)
    done = stopping.run(
        ["mkfs.ext4", "-q", "-F", disk], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
    if done.returncode:
        raise RuntimeError(f"mkfs.ext4 fails: {done.stdout.strip()}")
    return disk, swap


def command(kernel, initramfs, drives, console, words):
    arguments = ["-kernel", kernel.image, "-initrd", initramfs,
                 "-append", " ".join([APPEND, *words]),
                 "-serial", f"file:{console}", "-serial", "stdio"]
    for name, path in zip(("disk", "swap"), drives):
        arguments += ["-drive", f"if=none,id={name},file={path},format=raw,"
                      f"cache=unsafe", "-device",
                      f"nvme,drive={name},serial={name}"]
    # ends with us, however we end
    return ["setpriv", "--pdeathsig", "KILL", *QEMU, *arguments]


class Machine:
    """It runs from the start on. The reader takes its lines, and knows when it
    has booted and when it is done."""

    def __init__(self, kernel, initramfs, folder, words, reader):
        self.console = folder / "console"
        self.reader = reader
        self.rest = b""
        self.started = self.heard = time.monotonic()
        self.process = subprocess.Popen(
            command(kernel, initramfs, make_drives(folder), self.console,
                    words),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)

    def lines(self):
        """Those that are there; None at the end."""
        data = os.read(self.process.stdout.fileno(), 65536)
        self.heard = time.monotonic()
        if not data:
            return None
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def limit(self, limits):
        """(the moment until which it is waited for, why not longer)"""
        if not self.reader.has_booted:
            return (self.started + limits.boot_s,
                    f"it did not boot within {limits.boot_s} s")
        return min(
            (self.heard + limits.silence_s,
             f"it printed nothing for {limits.silence_s} s"),
            (self.started + limits.all_s,
             f"it was not done within {limits.all_s} s"))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()

    def status(self):
        """How the process ended that has closed its output."""
        try:
            with stopping.allowed():
                status = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return "did not end with its output"
        return f"was ended by signal {-status}" if status < 0 else \
            f"ended with status {status}"

    def console_tail(self, nlines=30):
        if not self.console.exists():
            return ""
        text = self.console.read_text(errors="replace")
        return "\n".join(text.splitlines()[-nlines:])


def hear(machine):
    """Its lines to its reader. Return: None, or how it ended."""
    lines = machine.lines()
    if lines is None:
        return f"{QEMU[0]} {machine.status()} before the tests did"
    for line in lines:
        machine.reader.read(line)
    return None


def follow(machines, limits):
    """Until all have ended, or were waited for long enough. Return: {machine:
    why it ended}, which is of no matter where the reader is done."""
    ends = {}
    with selectors.DefaultSelector() as selector:
        for machine in machines:
            selector.register(machine.process.stdout, selectors.EVENT_READ,
                              machine)
        while selector.get_map():
            left = [key.data for key in selector.get_map().values()]
            until = min(machine.limit(limits)[0] for machine in left)
            with stopping.allowed():
                events = selector.select(max(0, until - time.monotonic()))
            heard = [key.data for key, _ in events]
            for machine in left:
                end, why = machine.limit(limits)
                if machine in heard:
                    why = hear(machine)
                elif end > time.monotonic():
                    why = None
                if why:
                    ends[machine] = why
                    selector.unregister(machine.process.stdout)
    return ends
