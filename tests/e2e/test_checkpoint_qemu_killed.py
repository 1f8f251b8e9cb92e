#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --qemu that is killed at each of its steps: QEMU's guest
runs on, its settings are as they were, and the next checkpoint is whole."""
import os
import pathlib
import signal
import subprocess

from layers import listed, tool, verify
from smudgetest import PATIENCE, TOOL, case, check, check_equal, main, wait_until
from stock_qemu import StockQemu, connect

# The first run of each step has a full layer, of two stands.
STEPS = [("sendmsg", n) for n in range(1, 60, 2)] + \
    [("read", n) for n in range(30, 400, 15)] + \
    [("pread", n) for n in (1, 2, 5, 20, 60)] + \
    [("close", n) for n in range(40, 160, 12)]


def kill_at(qemu, folder, call, number):
    """Status of a run that kills itself before that call; 0 if it has fewer."""
    environment = dict(os.environ, LD_PRELOAD=os.environ["SMUDGE_KILL_AT_MODULE"],
                       SMUDGE_KILL_CALL=call, SMUDGE_KILL_AT=str(number))
    done = tool("checkpoint", "--qemu", qemu.qmp_path, "--to", folder, "--every", "0.1",
                "--count", "2", env=environment)
    check(done.returncode in (0, -signal.SIGKILL),
          f"killed at {call} {number}: {done.stderr}")
    return done.returncode


def has_client(qemu):
    """Is a smudge at its monitor, or the guard of one that was killed?"""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(qemu.qmp_path) in path.read_bytes().split(b"\0"):
                return True
        except OSError:
            pass  # it has ended
    return False


def settings(qmp):
    """Of migrations, which a checkpoint changes for as long as it takes."""
    return (qmp.run("query-migrate-capabilities"),
            qmp.run("query-migrate-parameters"))


@case
def the_guest_runs_on(lab):
    qemu = StockQemu(lab, "source", "-qmp",
                     f"unix:{lab.path('second')},server=on,wait=off")
    qemu.console.wait_passes(2)
    other = connect(lab.path("second"))
    other.run("migrate-set-parameters", **{"downtime-limit": 100})
    before = settings(other)
    folder = lab.path("layers")
    killed = 0
    for call, number in STEPS:
        killed += kill_at(qemu, folder, call, number) != 0
        wait_until(lambda: settings(other) == before,
                   f"QEMU's settings are as before: {call} {number}")
        qemu.console.wait_passes(2)
        wait_until(lambda: not has_client(qemu), "the guard has ended")
    check(killed > len(STEPS) // 2, f"only {killed} of {len(STEPS)} were killed")
    done = tool("checkpoint", "--qemu", qemu.qmp_path, "--to", folder)
    check_equal(done.returncode, 0, f"the last one: {done.stderr}")
    passes = len(qemu.console.passes())
    for layer in listed(folder)[-3:]:
        verify(folder, layer["layer"] if "layer" in layer else layer["number"])
    qemu.kill()
    qemu.console.path.unlink()
    process = subprocess.Popen(
        [TOOL, "restore", folder, "--qemu", "--memory", lab.path("ram"), "--run"],
        cwd=lab.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    lab.closers.append(lambda: (process.poll() is None and process.kill(),
                                process.wait()))
    wait_until(lambda: len(qemu.console.passes()) > 2, "passes of the restored guest")
    check(qemu.console.passes()[0] > passes // 2, "an old moment came back")


@case
def what_killed_ones_left_is_put_back(lab):
    """Killed with its guard, in the middle."""
    qemu = StockQemu(lab, "source", "-qmp",
                     f"unix:{lab.path('second')},server=on,wait=off")
    qemu.console.wait_passes(2)
    other = connect(lab.path("second"))
    before = settings(other)
    other.run("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
    other.run("migrate-set-capabilities", capabilities=[
        {"capability": "x-ignore-shared", "state": True}])
    done = tool("checkpoint", "--qemu", qemu.qmp_path, "--to",
                lab.path("layers"))
    check_equal(done.returncode, 0, f"{done.stderr}")
    check_equal(settings(other), before, "settings")


main()
