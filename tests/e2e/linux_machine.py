# SPDX-License-Identifier: MIT
"""A stock QEMU, emulating, with a Linux guest that is the witness of its own
memory (scripts/linux_guest.py): started, checkpointed, killed, restored.
"""
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from smudgetest import PATIENCE, TOOL, Qmp, Skip, check, need_engine, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

# pylint: disable=wrong-import-position
import kernel_package
import linux_guest
import qemu_program

WITNESS = os.environ.get("SMUDGE_WITNESS")
SLACK_NS = 50_000_000


def skip(reason):
    if "linux" in os.environ.get("SMUDGE_REQUIRE", "").split(","):
        raise AssertionError(f"a Linux guest is required, but: {reason}")
    raise Skip(reason)


@functools.lru_cache(None)
def kernel():
    """Debian's own, where the row kernels keeps it too."""
    for program in (qemu_program.PROGRAM, "busybox", "setpriv"):
        if not shutil.which(program):
            skip(f"no {program}")
    if qemu_program.has_kvm():
        need_engine("kvm")
    cache = ROOT / "build-test/kernels"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        return kernel_package.Kernel("6.1", cache)
    except (kernel_package.Unavailable, OSError) as why:
        return skip(str(why))


class Linux:
    """One life of a guest. A restored one continues the console."""

    def __init__(self, lab, command, console, name="linux", qmp=None):
        self.name = name
        self.console = console
        self.qmp_path = qmp
        self.since = console.mark()
        self.log_path = lab.path(f"{name}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                linux_guest.ends_with_us(command), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                cwd=lab.folder)
        lab.machines.append(self)

    def is_there(self):
        return self.process.poll() is None

    def wait_ticks(self, more=2):
        """So many more from now on."""
        since = self.console.mark()
        self.console.wait_ticks(more, since, is_there=self.is_there)
        return self.check()

    def check(self):
        """What it said in this life; no error among it."""
        return linux_guest.check_witness(self.console, self.since)

    def last_tick(self):
        return self.console.ticks(self.since)[-1].number

    def kill(self):
        """All of its session: restored, it is the child of what restored it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(PATIENCE)

    def connect(self, path=None):
        return wait_until(lambda: self.try_connect(path or self.qmp_path),
                          f"monitor of {self.name}")

    def try_connect(self, path):
        check(self.is_there(), f"{self.name} ended: {self.log()!r}")
        try:
            return Qmp(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    end = kill

    def log(self):
        return self.log_path.read_text(errors="replace")

    def serial(self):
        return "\n".join(self.console.lines(self.since))


def boot(lab, *more, name="linux", qmp="qmp"):
    """A guest that has ticked some times."""
    initramfs = lab.path("initramfs")
    if not initramfs.exists():
        linux_guest.make_initramfs(initramfs, WITNESS)
    console = linux_guest.Console(lab.path(f"{name}.console"))
    machine = Linux(lab, [*linux_guest.command(
        kernel(), initramfs, console.path, lab.path(qmp)), *more], console,
                    name, lab.path(qmp))
    machine.wait_ticks(5)
    return machine


def incoming(lab, *more, name="incoming", qmp="incoming.qmp"):
    """A machine of the same kind that waits for a migration."""
    console = linux_guest.Console(lab.path(f"{name}.console"))
    return Linux(lab, [*linux_guest.command(
        kernel(), lab.path("initramfs"), console.path, lab.path(qmp)),
                       "-incoming", "defer", *more], console, name,
                 lab.path(qmp))


def restore(lab, machine, folder, number, memory, name=None):
    """The machine, which is no more, continues from a layer."""
    return Linux(lab, [TOOL, "restore", f"{folder}@{number}", "--qemu",
                       "--memory", lab.path(memory), "--run"], machine.console,
                 name or f"restored-{number}", machine.qmp_path)


class Saver:
    """smudge checkpoint of a machine, in a process of its own."""

    def __init__(self, lab, machine, folder, *more):
        self.out_path = lab.path("saver.out")
        self.err_path = lab.path("saver.err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                linux_guest.ends_with_us(
                    [TOOL, "checkpoint", "--qemu", machine.qmp_path, "--to",
                     folder, "--json", *more]), stdin=subprocess.DEVNULL,
                stdout=out, stderr=err)
        lab.closers.append(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """As by Ctrl-C; a series ends well then."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def layers(self):
        """Those that it reported."""
        text = self.out_path.read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True)
                if line.endswith("\n")]

    def wait_layers(self, more):
        goal = len(self.layers()) + more

        def enough():
            check(self.process.poll() is None or len(self.layers()) >= goal,
                  f"smudge checkpoint ended: {self.errors()!r}")
            return len(self.layers()) >= goal
        wait_until(enough, f"{more} more layers")
        return self.layers()

    def errors(self):
        return self.err_path.read_text(errors="replace")


class Moments:
    """When the guest was where: seen in its console, by the clock that layers
    have their time from."""

    def __init__(self, machine):
        self.machine = machine
        self.seen = []

    def look(self):
        """The time is read after the console for the ticks that were not there,
        and before it for those that were."""
        before = time.time_ns()
        ticks = self.machine.console.ticks(self.machine.since)
        self.seen.append((before, time.time_ns(),
                          ticks[-1].number if ticks else 0))

    def around(self, time_ns, pause_ns):
        """(earliest, latest) tick that was printed last when a layer was saved,
        which has its time from about the pause's begin."""
        first_ns = time_ns - SLACK_NS
        last_ns = time_ns + pause_ns + SLACK_NS
        earliest = [tick for _, after, tick in self.seen if after <= first_ns]
        latest = [tick for before, _, tick in self.seen if before >= last_ns]
        return max(earliest, default=0), min(latest, default=sys.maxsize)
