#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What cannot be saved or restored: one sentence that says what to do, a
status of 1, and no guest that runs with a wrong memory."""
import resource
import signal
import subprocess

from ending import a_while, end_in_time, moments
from layers import file_of, left_beside, listed, tool, verify
from smudgetest import GUEST, PATIENCE, VM, any_engine, case, check, \
    check_equal, check_sentence, main, need_engine, wait_until
from stopwatch import Stopwatch

ERROR = 1
# bytes, of one without any page
LESS_THAN_A_LAYER = 16384


def refused(arguments, *parts, memory="64M"):
    need_engine(any_engine())
    run = subprocess.run(
        [VM, "-m", memory, "--engine", any_engine(), "--serial", "null",
         *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=PATIENCE)
    check_equal(run.returncode, ERROR, f"{arguments}: {run.stderr!r}")
    check_equal(run.stdout, "", "stdout")
    lines = run.stderr.splitlines()
    check_equal(len(lines), 1, f"lines on stderr of {arguments}: {lines}")
    check_sentence(lines[0], *parts)


def saved(lab, count=2, *arguments, **options):
    """A folder with so many layers; its machine has ended."""
    folder = lab.path("layers")
    source = lab.source(*arguments, **options)
    for _ in range(count):
        source.checkpoint(folder)
        # the second of them has begun since: the next layer has all of it
        source.wait_passes(2)
    source.kill()
    return folder


@case
def folders_without_layers(lab):
    empty = lab.path("empty")
    empty.mkdir()
    refused(["--restore", lab.path("nowhere")], "nowhere", "No such|not there")
    refused(["--restore", empty], "empty", "layer")
    refused(["--restore", GUEST], "scribble", "[Nn]ot a (directory|folder)")
    folder = saved(lab)
    refused(["--restore", f"{folder}@9"], "9")
    file_of(folder, 2).write_bytes(b"no qcow2 image at all" * 1000)
    refused(["--restore", folder], "layer-00000002.qcow2", "qcow2")


@case
def machines_of_another_size(lab):
    folder = saved(lab, 1)
    for memory in ("32M", "128M"):
        refused(["--restore", folder], "-m 64M", f"-m {memory}", memory=memory)
    refused(["--restore", folder, "--display", "320x200"], "another --display")
    if any_engine() == "kvm":
        refused(["--restore", folder, "--smp", "2"], "fewer vCPUs",
                "--smp")


def flip(path, offset, mask=1):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def restored_digest(lab, folder, name):
    """Of the memory; None if it was refused, with a sentence."""
    machine = lab.machine(name, "--restore", folder, "-S",
                          "--checkpoint-to", "none")
    try:
        wait_until(lambda: machine.process.poll() is not None or
                   machine.qmp_path.exists(), "it begins or ends")
        if machine.process.poll() is None:
            return machine.qmp.run("x-smudge-memory-digest")["digest"]
        check_equal(machine.wait(), ERROR, machine.log())
        lines = machine.log().splitlines()
        check_equal(len(lines), 1, f"{lines}")
        check_sentence(lines[0], "layer-0000000")
        return None
    finally:
        machine.end()
        lab.machines.remove(machine)


@case
def damaged_layers(lab):
    """A flipped byte is found, or does no harm to the memory."""
    folder = saved(lab)
    path = file_of(folder, 2)
    size = path.stat().st_size
    whole = path.read_bytes()
    digest = restored_digest(lab, folder, "whole")
    nfound = nrefused = 0
    for part in range(24):
        flip(path, size * part // 24 + 100)
        run = tool("layers", "verify", folder)
        if run.returncode:
            nfound += 1
            check_equal(run.returncode, ERROR, "status")
            check_sentence(run.stderr.strip(), "^smudge: ", "layer-0000000")
        found = restored_digest(lab, folder, f"damaged{part}")
        check(found in (None, digest), f"another memory, byte {part}")
        nrefused += found is None
        check(run.returncode or found, "verify found less than restore")
        path.write_bytes(whole)
    # some bytes are of no cluster, or of pages of zeros
    check(nfound >= 12 and nrefused >= 8, f"{nfound}, {nrefused} of 24")
    for length in (0, 100, size // 2):
        path.write_bytes(whole[:length])
        refused(["--restore", folder], "layer-00000002.qcow2")
    # the end may be what only writers need
    for less in (1, 4096, 8192):
        path.write_bytes(whole[:-less])
        found = restored_digest(lab, folder, f"cut{less}")
        check(found in (None, digest), f"another memory, cut by {less}")
    path.write_bytes(whole)
    file_of(folder, 1).unlink()
    refused(["--restore", folder], "layer-00000001.qcow2")


@case
def folders_of_others(lab):
    folder = lab.path("layers")
    holder = lab.source("--checkpoint-to", str(folder))
    # in use
    refused(["--kernel", GUEST, "--checkpoint-to", folder], "layers",
            "another|in use|busy")
    other = lab.machine("other", "--kernel", GUEST)
    number = other.qmp.run("x-smudge-checkpoint", folder=str(folder))["id"]
    job = other.wait_checkpoint("failed", number)
    check_sentence(job["error-desc"], "layers")
    # to restore from it is no matter of the lock
    holder.checkpoint(folder)
    restored = lab.restored("restored", "--restore", folder)
    restored.wait_passes(2)
    refused(["--restore", folder, "--checkpoint-to", folder], "layers")
    holder.kill()
    check_equal(restored.checkpoint(folder)["full"], True, "full")
    refused(["--kernel", GUEST, "--checkpoint-to", "/nonexistent/a/b"],
            "/nonexistent/a")
    refused(["--kernel", GUEST, "--checkpoint-to", GUEST], "scribble")


@case
def arguments_of_the_command(lab):
    source = lab.source()
    for arguments, says in (
            ({}, "no folder is open"),
            ({"folder": ""}, "folder"),
            ({"folder": "x" * 5000}, "folder"),
            ({"folder": "x", "pause-deadline": -1}, "pause-deadline"),
            ({"folder": "x", "keep-last": -1}, "keep-last"),
            ({"folder": "x", "garbage": 101}, "garbage"),
            ({"folder": "x", "pause-deadline": 3600001}, "pause-deadline"),
            ({"folder": "x", "full": 1}, "full"),
            ({"folder": "x", "unknown": 1}, "unknown")):
        check_sentence(source.qmp.fails("x-smudge-checkpoint",
                                        **arguments).desc, says)
    for command in ("x-smudge-checkpoint-cancel", "query-x-smudge-checkpoints"):
        check_sentence(source.qmp.fails(command, id=-1).desc, "id")
    check_equal(source.qmp.fails("x-smudge-checkpoint-cancel", id=5).kind,
                "DeviceNotActive", "class")
    check_equal(source.qmp.run("query-x-smudge-checkpoints", id=5)
                ["checkpoints"], [], "an unknown one")
    check_equal(source.checkpoints(), [], "all")


@case
def a_store_without_room(lab):
    """Reported once, however often it happens; the guest does not notice."""
    folder = lab.path("layers")
    source = lab.source("--checkpoint-every", "0.05", "--checkpoint-to",
                        str(folder), append="working-set=8M pattern=random")
    source.wait_checkpoint("completed")
    resource.prlimit(source.process.pid, resource.RLIMIT_FSIZE,
                     (LESS_THAN_A_LAYER, resource.RLIM_INFINITY))
    wait_until(lambda: [job["status"] for job in source.checkpoints()[-3:]] ==
               ["failed"] * 3, "three failures")
    said = [line for line in source.sentences() if "checkpoint" in line]
    check_equal(len(said), 1, f"{said}")
    check_sentence(said[0], "a checkpoint failed")
    source.wait_passes(2)
    # three had failed, and the writes of their time are in the next one
    resource.prlimit(source.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: source.checkpoints()[-1]["status"] == "completed",
               "one that is in place")
    source.kill()
    check_equal([name for name in left_beside(folder)
                 if not name.startswith(".smudge-")], [], "names")
    verify(folder)
    lab.restored("restored", "--restore", folder).wait_passes(3)


@case
def ended_at_random_moments(lab):
    """Nothing is beside the layers, and each of them is whole."""
    folder = lab.path("layers")
    for index in moments():
        name = f"machine{index}"
        source = lab.machine(name, "--kernel", GUEST, "--append",
                             "working-set=32M pattern=random",
                             "--checkpoint-every", "0.01", "--checkpoint-to",
                             str(folder))
        source.connect().close()
        if not index:
            wait_until(lambda: "completed" in [
                job["status"] for job in source.checkpoints()], "a layer")
        a_while(0.6, 0.05)
        end_in_time(source.process, signal.SIGTERM, name,
                    lambda: source.process.wait(PATIENCE))
        source.wait_status(128 + signal.SIGTERM)
        check_equal(left_beside(folder), [], "files beside the layers")
        check("the guest was running" in source.log(), source.log())
        lab.machines.remove(source)
    check(listed(folder), "no layer at all")
    verify(folder)


@case
def killed_at_random_moments(lab):
    """What is left beside the layers goes with the next writer."""
    folder = lab.path("layers")
    for index in moments():
        source = lab.machine(f"machine{index}", "--kernel", GUEST, "--append",
                             "working-set=16M rate=20000",
                             "--checkpoint-every", "0.01", "--checkpoint-to",
                             str(folder))
        source.connect().close()
        a_while(0.6, 0.05)
        source.kill()
        listed(folder)
        lab.machines.remove(source)
    lab.source("--checkpoint-to", str(folder)).checkpoint(folder)
    check_equal(left_beside(folder), [], "files beside the layers")
    listed(folder)
    lab.restored("restored", "--restore", folder).wait_passes(3)


@case
def a_signal_while_it_is_restored(lab):
    folder = saved(lab, 1, append="working-set=48M")
    for _ in moments():
        machine = lab.machine("restored", "--restore", folder)
        a_while(0.15)
        with Stopwatch() as watch:
            end_in_time(machine.process, signal.SIGTERM, "restored",
                        lambda: machine.process.wait(PATIENCE))
        # it waits a second for what has to stop, which may be too short there
        has_left = watch.is_busy(2) and \
            "without waiting for what did not stop" in machine.log()
        check(machine.process.returncode in (-signal.SIGTERM, 128 + 15) or
              has_left and machine.process.returncode == ERROR,
              f"{machine.process.returncode} {machine.log()}")
        lab.machines.remove(machine)


main()
