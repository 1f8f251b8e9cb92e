#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge-vm --checkpoint-every onto a disk behind an NBD server: each snapshot is
whole and its guest runs on, whatever happens to the server; the machine runs on
beside it, and ends when it is told to."""
import re
import signal
import subprocess

from ending import RNG, SEED, a_while, end_watched, wait_for_handler
from layers import listed, said
from smudgetest import GUEST, MIB, PATIENCE, VM, Over, QmpError, any_engine, case, \
    check, check_equal, check_sentence, main, need_engine, note, wait_until
from stores import Nbdkit, StorageDaemon, copied, layer_of_copy


def every(seconds, *options):
    return ["--checkpoint-every", str(seconds), *map(str, options)]


def onto(engine, seconds=0.1):
    return every(seconds, "--checkpoint-to", engine.uri, "--snapshot-qmp", engine.qmp,
                 "--snapshot-node", engine.NODE)


def completed(machine):
    """The jobs that have, of those that are remembered."""
    return [job for job in machine.checkpoints() if job["status"] == "completed"]


def ended(machine):
    """Those that have ended in any way, the last one last."""
    return [job for job in machine.checkpoints()
            if job["status"] in ("completed", "failed", "cancelled")]


def ids(machine):
    return {job["id"] for job in completed(machine)}


def wait_completed(machine, n, have=None):
    """So many more than those, or than are now."""
    have = ids(machine) if have is None else have
    return wait_until(lambda: (new := [job for job in completed(machine)
                                       if job["id"] not in have])[n - 1:] and new,
                      f"{n} more checkpoints")


def ids_without_server(machine):
    """After it was killed: one that had all its answers may not have ended yet."""
    last = machine.checkpoints()[-1]["id"]
    wait_until(lambda: any(job["id"] > last for job in ended(machine)),
               "one that began without a server")
    return ids(machine)


def check_runs(lab, name, place):
    """All of it is as its digests say, and its guest finds no error."""
    said("layers", "verify", place)
    machine = lab.restored(name, "--restore", place, "--checkpoint-to", "none")
    machine.qmp.run("cont")  # it may have stood when it was saved
    machine.wait_passes(2)
    machine.end()


def reports(machine):
    return [line for line in machine.sentences() if "checkpoint failed" in line]


def check_ended(machine, number):
    """By that signal, without another word; what failed before may be reported."""
    _, watch = end_watched(machine.process, number, "smudge-vm", machine.wait)
    last = machine.sentences()[-1]
    if "without waiting" in last and watch.is_busy(1.2):
        raise Over(f"a busy machine did not let it end in time: {last}")
    check_equal(machine.process.returncode, 128 + number, f"status: {machine.log()}")
    check_sentence(last, f"^smudge-vm: ended by {signal.Signals(number).name}",
                   "the guest was running")
    check_equal(machine.sentences()[:-1], reports(machine), "sentences")


def refused(arguments, *parts, status=1):
    need_engine(any_engine())
    run = subprocess.run([VM, "-m", "64M", "--engine", any_engine(), "--serial", "null",
                          "--kernel", GUEST, *map(str, arguments)], text=True,
                         stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    check_equal((run.returncode, run.stdout), (status, ""), f"{arguments}: {run.stderr}")
    lines = run.stderr.splitlines()
    check_equal(len(lines), 1, f"{arguments}: {lines}")
    check_sentence(lines[0], *parts)


@case
def snapshots_of_a_storage_daemon(lab):
    engine = StorageDaemon(lab, size=256 * MIB)
    for first in (True, False):
        machine = lab.source(*onto(engine))
        jobs = wait_completed(machine, 3)
        for job in jobs:
            check_equal((job["periodic"], job["full"]), (True, job["id"] == 1), f"{job}")
        # the memory of a pause, by what the command line says of it
        machine.qmp.run("stop")
        digest = machine.qmp.run("x-smudge-memory-digest")
        job = machine.checkpoint(engine.uri)
        check_equal(machine.sentences(), [], "sentences")
        machine.kill()
        restored = lab.restored(f"restored-{first}", "--restore",
                                engine.layer_of(f"smudge-{job['layer']}"))
        check_equal(restored.qmp.run("x-smudge-memory-digest"), digest, "memory")
        restored.end()
        for earlier in jobs[:3]:
            check_runs(lab, f"of-{earlier['layer']}",
                       engine.layer_of(f"smudge-{earlier['layer']}"))
    names = engine.snapshots()
    check_equal(names, [f"smudge-{n}" for n in range(1, len(names) + 1)], "numbers")


@case
def a_command_takes_the_snapshot(lab):
    """What it is told, and that without it there is no checkpoint: one report."""
    server = Nbdkit(lab, "memory", "128M")
    trigger = lab.path("trigger")
    machine = lab.source(*every(0.1, "--checkpoint-to", server.uri, "--on-commit",
                                f"test ! -e {trigger} && {copied(lab, server.uri)}"))
    jobs = wait_completed(machine, 2)[:2]
    trigger.touch()
    wait_until(lambda: [job["status"] for job in ended(machine)[-3:]] == ["failed"] * 3,
               "three that failed")
    machine.wait_passes(1)
    trigger.unlink()
    last = wait_completed(machine, 1)[0]
    check_equal(last["full"], False, "full")
    lines = reports(machine)
    check(len(lines) >= 1, machine.log())
    for line in lines:
        check_sentence(line, "a checkpoint failed: --on-commit ended with status 1")
    check(len(lines) <= 2, lines)
    machine.kill()
    for job in (*jobs, last):
        layer = layer_of_copy(lab, job["layer"])
        check_runs(lab, f"of-{job['layer']}", layer)


@case
def folders_have_a_command_too(lab):
    folder, told = lab.path("layers"), lab.path("told")
    machine = lab.source(*every(0.1, "--checkpoint-to", folder, "--store-deadline", "3",
                                "--on-commit", f"echo $SMUDGE_LAYER >> {told}; "
                                "[ $SMUDGE_NUMBER != 2 ] || sleep 100"))
    wait_completed(machine, 2)
    if "layer-00000002.qcow2 is" not in reports(machine)[0]:
        raise Over(f"a busy machine passed the deadline: {reports(machine)}")
    check_sentence(reports(machine)[0], "layer-00000002.qcow2 is in place, but",
                   "did not end within 3 s")
    # also one that QMP asks for there, by any path, but not with a command of its own
    machine.qmp.run("stop")
    job = machine.checkpoint(folder)
    again = machine.checkpoint(f"{folder.parent}/./{folder.name}/")
    other = machine.checkpoint(folder, **{"on-commit": "true"})
    machine.kill()
    lines = told.read_text().splitlines()
    check_equal(lines[:2], [f"{folder}/layer-0000000{n}.qcow2" for n in (1, 2)], "told")
    check(f"{folder}/layer-{job['layer']:08}.qcow2" in lines, lines)
    check(any(line.endswith(f"/layer-{again['layer']:08}.qcow2") for line in lines), lines)
    check(f"{folder}/layer-{other['layer']:08}.qcow2" not in lines, lines)
    said("layers", "verify", folder, "--all")
    check(len(listed(folder)) >= len(lines), lines)


@case
def the_server_is_killed_and_started_again(lab):
    note(f"SMUDGE_TEST_SEED={SEED:#x}")
    engine = StorageDaemon(lab, size=256 * MIB)
    machine = lab.source(*onto(engine))
    good = []
    for _ in range(3):
        wait_completed(machine, 1)
        a_while(0.3)
        engine.kill()
        have = ids_without_server(machine)
        machine.wait_passes(1)
        a_while(0.3)
        engine.start()
        new = wait_completed(machine, 2, have)
        check_equal([job["full"] for job in new[:2]], [True, False], "after a loss")
        good += new
    machine.wait_passes(1)
    check(len(reports(machine)) <= 3 + 1, machine.log())
    machine.kill()
    for job in RNG.sample(good[:-1], 3) + [good[-1]]:
        name = f"smudge-{job['layer']}"
        check_runs(lab, f"restored-{name}", engine.layer_of(name))


def save_at_last(machine, uri):
    """Of a machine that stands; a busy one may pass the deadline."""
    number = machine.qmp.run("x-smudge-checkpoint", folder=uri)["id"]
    ended = wait_until(lambda: [job for job in machine.checkpoints() if job["id"] == number
                                and job["status"] in ("completed", "failed")],
                       "the end of a checkpoint")
    return ended[0]["status"] == "completed"


@case
def a_server_that_hangs_passes_the_deadline(lab):
    server = Nbdkit(lab, "memory", "128M")
    machine = lab.source(*every(0.1, "--checkpoint-to", server.uri, "--store-deadline",
                                "2", "--on-commit", "true"))
    wait_completed(machine, 1)
    last = machine.checkpoints()[-1]["id"]
    server.signal(signal.SIGSTOP)
    wait_until(lambda: any(job["status"] == "failed" and job["id"] > last
                           for job in machine.checkpoints()), "one that has failed")
    check(reports(machine), "a report")
    machine.wait_passes(2)
    server.signal(signal.SIGCONT)
    wait_completed(machine, 2)
    machine.qmp.run("stop")
    digest = machine.qmp.run("x-smudge-memory-digest")
    wait_until(lambda: save_at_last(machine, server.uri), "one that is there")
    machine.kill()
    said("layers", "verify", server.uri)
    restored = lab.restored("restored", "--restore", server.uri)
    check_equal(restored.qmp.run("x-smudge-memory-digest"), digest, "memory")
    restored.qmp.run("cont")
    restored.wait_passes(2)


def holding(lab, raw, held):
    """A server that, once the file is there, holds one write of pages until it is gone."""
    own = lab.path("held-bytes")
    write = f"dd of={raw} seek=$4 bs=1M conv=notrunc oflag=seek_bytes iflag=fullblock"
    with open(raw, "wb") as file:
        file.truncate(128 * MIB)
    return Nbdkit(
        lab, "eval", f"get_size=echo {128 * MIB}", "thread_model=echo parallel",
        f"pread=dd if={raw} skip=$4 count=$3 iflag=count_bytes,skip_bytes",
        f"pwrite=if [ $3 -gt 4096 ] && mv {held} {held}.taken; then cat > {own}; "
        f"while [ -e {held}.taken ]; do sleep 0.1; done; {write} < {own}; touch {own}.in; "
        f"else {write}; fi", "can_write=exit 0", "can_flush=exit 0", "flush=exit 0")


def saved_in_time(machine, uri):
    """A busy machine may pass the deadline, as of a server that is slow."""
    number = machine.qmp.run("x-smudge-checkpoint", folder=uri)["id"]
    job = wait_until(lambda: [job for job in ended(machine) if job["id"] == number],
                     "the end of a checkpoint")[0]
    if re.search("has not answered a write|within 3 s", job.get("error-desc", "")):
        raise Over(job["error-desc"])
    check_equal(job["status"], "completed", f"{job}")
    return job


def cancelled_in_time(machine, number):
    """Before the deadline of its write."""
    try:
        machine.qmp.run("x-smudge-checkpoint-cancel", id=number)
    except QmpError as error:
        raise Over(f"it had ended: {error}") from None
    job = wait_until(lambda: [job for job in ended(machine) if job["id"] == number],
                     "the end of a checkpoint")[0]
    if "has not answered a write" in job.get("error-desc", ""):
        raise Over(job["error-desc"])


@case
def a_write_that_lands_after_its_deadline(lab):
    """It is not over what later checkpoints wrote: these wait for it."""
    raw, held = lab.path("disk.raw"), lab.path("held")
    server = holding(lab, raw, held)
    machine = lab.source("--checkpoint-to", server.uri, "--store-deadline", "3",
                         "--on-commit", f"cp {raw} {lab.path('snap')}-$SMUDGE_NUMBER")
    jobs = [saved_in_time(machine, server.uri)]
    for ends in ("it is late", "it is cancelled"):
        machine.wait_passes(1)
        held.touch()
        number = machine.qmp.run("x-smudge-checkpoint")["id"]
        wait_until(lambda: not held.exists(), "a write is held")
        if ends == "it is cancelled":
            cancelled_in_time(machine, number)
        machine.wait_checkpoint("failed" if ends == "it is late" else "cancelled", number)
        machine.wait_passes(1)
        job = machine.wait_checkpoint("failed",
                                      machine.qmp.run("x-smudge-checkpoint")["id"])
        check_sentence(job["error-desc"], "has not answered a write", "late")
        machine.qmp.run("stop")
        lab.path("held.taken").unlink()
        for is_full in (True, False):
            jobs.append(saved_in_time(machine, server.uri))
            check_equal(jobs[-1]["full"], is_full, f"full of {jobs[-1]}")
        check(lab.path("held-bytes.in").exists(), "it is in")
        lab.path("held-bytes.in").unlink()
        machine.qmp.run("cont")
    machine.kill()
    for job in jobs:
        check_runs(lab, f"of-{job['layer']}", layer_of_copy(lab, job["layer"]))


@case
def signals_while_a_save_is_under_way(lab):
    """Also of a server that hangs, or a command that does."""
    note(f"SMUDGE_TEST_SEED={SEED:#x}")
    slow = Nbdkit(lab, "--filter=delay", "memory", "128M", "delay-write=20ms")
    for turn, number in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                                   signal.SIGTERM)):
        command = "sleep 100" if turn == 2 else "true"
        machine = lab.source(*every(0.05, "--checkpoint-to", slow.uri, "--on-commit",
                                    command))
        wait_until(machine.checkpoints, "one that was due")
        a_while(0.7)
        if turn == 3:
            slow.signal(signal.SIGSTOP)
            a_while(0.3)
        check_ended(machine, number)
        lab.machines.remove(machine)
    slow.signal(signal.SIGCONT)


@case
def a_signal_while_it_connects(lab):
    """Nothing answers when it begins: the server, or the storage daemon's QMP."""
    server = Nbdkit(lab, "memory", "128M")
    server.signal(signal.SIGSTOP)
    engine = StorageDaemon(lab, size=256 * MIB)
    silent = Nbdkit(lab, "memory", "128M", name="silent")
    silent.signal(signal.SIGSTOP)
    need_engine(any_engine())
    for to, arguments in (
            (server, ["--on-commit", "true"]),
            (engine, ["--snapshot-qmp", silent.socket, "--snapshot-node", "x"])):
        process = subprocess.Popen(
            [VM, "-m", "64M", "--engine", any_engine(), "--serial", "null", "--kernel",
             GUEST, *every(1, "--checkpoint-to", to.uri, *arguments)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lab.closers.append(process.kill)
        wait_for_handler(process)
        a_while(0.3)
        (_, err), watch = end_watched(process, signal.SIGTERM, "smudge-vm",
                                      lambda: process.communicate(timeout=PATIENCE))
        if "without waiting" in err and watch.is_busy(1.2):
            raise Over(f"a busy machine did not let it end in time: {err}")
        check_equal(process.returncode, 143, err)
        check_sentence(err.splitlines()[-1], "ended by SIGTERM",
                       "the guest had not started")
    for stopped in (server, silent):
        stopped.signal(signal.SIGCONT)


@case
def servers_that_cannot_be_used(lab):
    """When it begins: one sentence, and no guest."""
    read_only = Nbdkit(lab, "-r", "memory", "128M", name="ro")
    engine = StorageDaemon(lab, size=256 * MIB)
    hangs = Nbdkit(lab, "memory", "128M", name="hangs")
    hangs.signal(signal.SIGSTOP)
    take = ["--on-commit", "true", "--checkpoint-every", "1"]
    refused(["--checkpoint-to", read_only.uri, *take], "may only be read")
    refused(["--checkpoint-to", f"nbd+unix:///?socket={lab.path('none')}", *take],
            "No such file")
    refused(["--checkpoint-to", "nbd+unix:///x", *take], "socket")
    refused(["--checkpoint-to", hangs.uri, *take, "--store-deadline", "0.5"],
            str(hangs.socket), "in time|did not answer|timed out")
    refused(["--checkpoint-to", engine.uri, "--snapshot-qmp", engine.qmp,
             "--snapshot-node", "other"], "there is no node other")
    refused(["--checkpoint-to", engine.uri, "--snapshot-qmp", lab.path("none"),
             "--snapshot-node", "x"], "none")
    hangs.signal(signal.SIGCONT)
    for words, part in (
            (["--checkpoint-to", "nbd://a"], "have its engine take a snapshot"),
            (["--checkpoint-to", "s3://a"], "of URIs there are nbd://"),
            (["--checkpoint-to", "a", "--snapshot-qmp", "x", "--snapshot-node", "y"],
             "needs a disk"),
            (["--on-commit", "true"], "needs --checkpoint-to")):
        refused(words, part, status=2)


@case
def one_that_is_too_small(lab):
    """Its first checkpoint finds that; the guest runs on."""
    server = Nbdkit(lab, "memory", "1M")
    machine = lab.source(*every(0.1, "--checkpoint-to", server.uri, "--on-commit", "true"))
    wait_until(lambda: reports(machine), "a report")
    check_sentence(reports(machine)[0], "the disk has 1048576 bytes", "needs")
    machine.wait_passes(2)
    check_equal(len(reports(machine)), 1, "reports")


@case
def one_that_is_grown(lab):
    """Where it was too small, and where it had room: the series continues, with numbers
    that no command was told before."""
    raw, told = lab.path("disk.raw"), lab.path("told")

    def grow(size):
        with open(raw, "ab") as file:
            file.truncate(size)

    grow(16 * MIB)
    server = Nbdkit(lab, "file", raw)
    machine = lab.source(*every(0.1, "--checkpoint-to", server.uri, "--on-commit",
                                f"echo $SMUDGE_NUMBER >> {told}"))
    wait_until(lambda: reports(machine), "a report")
    for size in (128 * MIB, 160 * MIB):
        server.kill()
        grow(size)
        have = ids_without_server(machine)
        server.start()
        new = wait_completed(machine, 2, have)
        check_equal([job["full"] for job in new[:2]], [True, False], f"with {size}")
    machine.kill()
    numbers = told.read_text().split()
    check_equal(len(set(numbers)), len(numbers), f"numbers {numbers}")


@case
def one_that_cannot_flush(lab):
    """It is taken only where that was asked for."""
    raw = lab.path("disk.raw")
    with open(raw, "wb") as file:
        file.truncate(128 * MIB)
    server = Nbdkit(lab, "eval", f"get_size=echo {128 * MIB}", "can_flush=exit 3",
                    f"pread=dd if={raw} skip=$4 count=$3 iflag=count_bytes,skip_bytes",
                    f"pwrite=dd of={raw} seek=$4 conv=notrunc oflag=seek_bytes",
                    "can_write=exit 0")
    to = ["--checkpoint-to", server.uri, "--on-commit", "true"]
    refused(to, "cannot flush", "--store-without-flush")
    machine = lab.source(*to, "--store-without-flush")
    machine.checkpoint(server.uri)
    machine.kill()
    check_runs(lab, "restored", server.uri)


main()
