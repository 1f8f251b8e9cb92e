#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge checkpoint --qemu that is killed at each of its steps: QEMU's guest
runs on, and the next checkpoint is whole."""
import os
import signal
import subprocess

from layers import listed, tool, verify
from smudgetest import PATIENCE, TOOL, case, check, check_equal, main, wait_until
from stock_qemu import StockQemu

# The first run of each step has a full layer, of two stands.
STEPS = [("sendmsg", n) for n in range(1, 60, 2)] + \
    [("read", n) for n in range(30, 400, 15)] + \
    [("pread", n) for n in (1, 2, 5, 20, 60)] + \
    [("close", n) for n in range(40, 160, 12)]


def kill_at(qemu, folder, call, number):
    """Status of a run that kills itself before that call; 0 if it has fewer."""
    environment = dict(os.environ, LD_PRELOAD=os.environ["SMUDGE_KILL_AT_MODULE"],
                       SMUDGE_KILL_CALL=call, SMUDGE_KILL_AT=str(number))
    done = subprocess.run([TOOL, "checkpoint", "--qemu", qemu.qmp_path, "--to", folder,
                           "--every", "0.1", "--count", "2"], env=environment,
                          capture_output=True, timeout=PATIENCE)
    check(done.returncode in (0, -signal.SIGKILL),
          f"killed at {call} {number}: {done.stderr}")
    return done.returncode


@case
def the_guest_runs_on(lab):
    qemu = StockQemu(lab, "source")
    qemu.console.wait_passes(2)
    folder = lab.path("layers")
    killed = 0
    for call, number in STEPS:
        killed += kill_at(qemu, folder, call, number) != 0
        qemu.console.wait_passes(2)
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


main()
