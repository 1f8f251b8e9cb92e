#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A smudge-vm that was restored from a disk continues there: what follows is a
delta only where the disk still shows exactly what was restored, and whatever
else has happened to the disk, each checkpoint has the memory of its pause."""
import subprocess

from ending import RNG, SEED, a_while
from layers import answer, said, tool
from smudgetest import MIB, PATIENCE, TOOL, Over, case, check, check_equal, \
    check_sentence, main, note, wait_until
from stores import Nbdkit, Server, StorageDaemon, copied, layer_of_copy, need

SLOWLY = ("--lazy", "--lazy-rate", "1M")


def engine_of(lab):
    return StorageDaemon(lab, size=256 * MIB)


def continued(lab, name, origin, engine, *arguments):
    """Restored from there; its checkpoints go to the engine's disk."""
    machine = lab.restored(name, "--restore", origin, "--checkpoint-to", engine.uri,
                           "--snapshot-qmp", engine.qmp, "--snapshot-node", engine.NODE,
                           *arguments)
    check_equal(machine.sentences(), [], "sentences")
    if "-S" not in arguments:
        machine.qmp.run("cont")  # it may have stood when it was saved
    return machine


def digest_of(machine):
    return machine.qmp.run("x-smudge-memory-digest")["digest"]


def saved(machine, disk):
    """A checkpoint of a guest that stands: the job, and the digest of the memory."""
    machine.qmp.run("stop")
    digest = digest_of(machine)
    job = machine.checkpoint(disk)
    machine.qmp.run("cont")
    return job, digest


def check_restored(lab, name, place, digest):
    """All of it is right by its digests, it is that memory, and its guest runs on."""
    said("layers", "verify", place)
    machine = lab.restored(name, "--restore", place, "-S", "--checkpoint-to", "none")
    check_equal(digest_of(machine), digest, f"memory of {name}")
    machine.qmp.run("cont")
    machine.wait_passes(2)
    machine.end()


def check_snapshot(lab, engine, job, digest):
    """Its layer."""
    name = f"smudge-{job['layer']}"
    layer = engine.layer_of(name)
    check_restored(lab, f"restored-{name}", layer, digest)
    return layer


def with_snapshots(lab, n):
    """An engine with so many moments of a guest that has ended."""
    engine = engine_of(lab)
    source = lab.source()
    for _ in range(n):
        said("checkpoint", "--qmp", source.qmp_path, *engine.options())
        source.wait_passes(2)
    source.kill()
    return engine


class Old(Server):
    """A snapshot, read-only, while the storage daemon has the image."""

    def __init__(self, lab, engine, name):
        need("qemu-nbd")
        super().__init__(lab, f"old-{name}")
        self.run("qemu-nbd", "-r", "-t", "-e", "8", "-k", self.socket, "-l",
                 f"snapshot.name={name}", "--image-opts",
                 f"driver=qcow2,file.driver=file,file.filename={engine.image},"
                 "force-share=on")
        self.wait_for(self.socket)


@case
def the_live_image(lab):
    """Again and again, and each time it is a delta from the first one on."""
    engine = with_snapshots(lab, 1)
    for turn in range(3):
        machine = continued(lab, f"turn-{turn}", engine.uri, engine)
        machine.wait_passes(2)
        for _ in range(2):
            job, digest = saved(machine, engine.uri)
            check_equal(job["full"], False, f"full of {job}")
            check(job["file-bytes"] < 48 * MIB, job)
            machine.wait_passes(1)
        machine.kill()
        check_restored(lab, f"live-{turn}", engine.uri, digest)
        check_snapshot(lab, engine, job, digest)
    check_equal(engine.snapshots(), [f"smudge-{n}" for n in range(1, 8)], "snapshots")


@case
def a_guest_that_did_not_run_has_no_page_to_write(lab):
    engine = with_snapshots(lab, 1)
    machine = continued(lab, "continued", engine.uri, engine, "-S")
    digest = digest_of(machine)
    job = machine.checkpoint(engine.uri)
    check_equal((job["full"], job["pages"]), (False, 0), f"{job}")
    check_snapshot(lab, engine, job, digest)


@case
def a_snapshot_of_it(lab):
    """The newest one is what the disk shows, and an older one is not."""
    engine = with_snapshots(lab, 2)
    for name, is_full in (("smudge-2", False), ("smudge-1", True)):
        old = Old(lab, engine, name)
        machine = continued(lab, f"of-{name}", old.uri, engine)
        machine.wait_passes(2)
        job, digest = saved(machine, engine.uri)
        check_equal(job["full"], is_full, f"full of {job}")
        machine.kill()
        check_snapshot(lab, engine, job, digest)
        check_restored(lab, f"live-{name}", engine.uri, digest)


@case
def a_file_made_of_a_snapshot(lab):
    engine = with_snapshots(lab, 2)
    for name, is_full in (("smudge-2", False), ("smudge-1", True)):
        machine = continued(lab, f"of-{name}", engine.layer_of(name), engine)
        machine.wait_passes(1)
        job, digest = saved(machine, engine.uri)
        check_equal(job["full"], is_full, f"full of {job}")
        machine.kill()
        check_restored(lab, f"live-{name}", engine.uri, digest)


@case
def without_a_restore_the_first_one_is_full(lab):
    engine = with_snapshots(lab, 1)
    machine = lab.source("--checkpoint-to", engine.uri, "--on-commit", "true")
    check_equal([saved(machine, engine.uri)[0]["full"] for _ in range(2)], [True, False],
                "full")


@case
def another_program_wrote_the_disk_meanwhile(lab):
    """Between the restore and the first checkpoint, and between two of them."""
    engine = with_snapshots(lab, 1)
    machine = continued(lab, "continued", engine.uri, engine)
    for turn in range(2):
        other = lab.restored(f"other-{turn}", "--restore", engine.uri, "-S")
        said("checkpoint", "--qmp", other.qmp_path, "--to", engine.uri, "--on-commit",
             "true")
        number = machine.qmp.run("x-smudge-checkpoint")["id"]
        job = machine.wait_checkpoint("failed", number)
        check_sentence(job["error-desc"], "another program wrote it")
        job, digest = saved(machine, engine.uri)
        check_equal(job["full"], True, f"full of {job}")
        machine.wait_passes(1)
        check_restored(lab, f"live-{job['layer']}", engine.uri, digest)
    job, digest = saved(machine, engine.uri)
    check_equal(job["full"], False, f"full of {job}")
    check_restored(lab, "live-last", engine.uri, digest)


def restored_onto(lab, name, place, uri):
    """Each checkpoint is copied."""
    return lab.restored(name, "--restore", place, "--checkpoint-to", uri, "--on-commit",
                        copied(lab, uri))


def raw_disk(lab):
    path = lab.path("disk.raw")
    with open(path, "wb") as file:
        file.truncate(128 * MIB)
    return path


def is_torn(uri):
    return tool("layers", "show", uri).returncode == 1


def has_ended(machine, number):
    job = next(job for job in machine.checkpoints() if job["id"] == number)
    return job["status"] in ("completed", "failed", "cancelled")


@case
def a_torn_disk(lab):
    """Its writer was killed within a delta; a full one makes it whole again."""
    raw = raw_disk(lab)
    server = Nbdkit(lab, "file", raw)
    source = lab.source("--checkpoint-to", server.uri, "--on-commit",
                        copied(lab, server.uri))
    job, digest = saved(source, server.uri)
    source.kill()
    layer = layer_of_copy(lab, job["layer"])
    server.kill()
    server = Nbdkit(lab, "--filter=delay", "file", raw, "delay-write=200ms")
    machine = restored_onto(lab, "torn", layer, server.uri)
    machine.qmp.run("cont")
    machine.wait_passes(2)
    number = machine.qmp.run("x-smudge-checkpoint")["id"]
    wait_until(lambda: is_torn(server.uri) or has_ended(machine, number),
               "a save is under way")
    machine.kill()
    server.kill()
    server = Nbdkit(lab, "file", raw)
    if not is_torn(server.uri):
        raise Over("the save had ended")
    check_sentence(said("layers", "show", server.uri, status=1).strip(), "no layer")
    for name in (f"snap-{job['layer']}", f"of-{job['layer']}"):
        lab.path(name).rename(lab.path(f"{name}-first"))
    layer = lab.path(f"of-{job['layer']}-first")
    check_restored(lab, "first", layer, digest)
    machine = restored_onto(lab, "again", layer, server.uri)
    job, digest = saved(machine, server.uri)
    check_equal(job["full"], True, f"full of {job}")
    check_restored(lab, "live", server.uri, digest)
    check_restored(lab, "snapshot", layer_of_copy(lab, job["layer"]), digest)


class OneClient(Server):
    """The next one waits until the one before has gone."""

    def __init__(self, lab, path):
        need("qemu-nbd")
        super().__init__(lab, "one")
        self.run("qemu-nbd", "-t", "-f", "raw", "-k", self.socket, path)
        self.wait_for(self.socket)


def check_one_connection(lab, uri):
    """What is restored is read before the connection is the checkpoints'."""
    machine = lab.source("--checkpoint-to", uri, "--on-commit", "true")
    for turn in range(3):
        job, digest = saved(machine, uri)
        check_equal(job["full"], turn == 0, f"full of {job}")
        machine.kill()
        wait_until(lambda: tool("layers", "show", uri).returncode == 0, "it is free")
        machine = lab.restored(f"turn-{turn}", "--restore", uri, "--checkpoint-to", uri,
                               "--on-commit", "true", "-S")
        check_equal(digest_of(machine), digest, "memory")
        machine.qmp.run("cont")
        machine.wait_passes(1)
    machine.kill()


@case
def a_server_that_takes_one_connection(lab):
    """It is the lock that NBD does not have."""
    check_one_connection(lab, OneClient(lab, raw_disk(lab)).uri)


def check_waits_for_memory(machine, engine):
    check_sentence(machine.qmp.fails("x-smudge-checkpoint").desc, "memory still comes in")
    check_equal(machine.checkpoints(), [], "those that were due")
    shown = answer("layers", "show", engine.uri)
    check_equal(shown["digest"], answer("layers", "show", engine.layer_of("smudge-1"))
                ["digest"], "the live image")


@case
def while_it_comes_in_lazily(lab):
    """Its disk is not overwritten before all is read; then it is a delta."""
    engine = with_snapshots(lab, 1)
    machine = continued(lab, "lazy", engine.uri, engine, "--checkpoint-every", "0.1",
                        "--lazy", "--lazy-rate", "16K")
    machine.wait_passes(1)
    try:
        check_waits_for_memory(machine, engine)
    except AssertionError as error:
        # the guest may have touched all of it before the rest was begun with
        if machine.qmp.run("query-x-smudge-lazy")["status"] == "completed":
            raise Over(f"all is in: {error}") from None
        raise
    machine.kill()
    machine = continued(lab, "faster", engine.uri, engine, "--checkpoint-every", "0.1",
                        "--lazy")
    machine.wait_passes(1)
    job = wait_until(machine.checkpoints, "one that was due")[0]
    job = machine.wait_checkpoint("completed", job["id"])
    check_equal(job["full"], False, f"full of {job}")
    machine.wait_passes(1)
    machine.kill()
    said("layers", "verify", engine.layer_of(f"smudge-{job['layer']}"))


@case
def a_server_that_was_started_again_meanwhile(lab):
    """What it had not flushed may be gone: a full one, as ever."""
    engine = with_snapshots(lab, 1)
    machine = continued(lab, "continued", engine.uri, engine)
    engine.kill()
    engine.start()
    job, digest = saved(machine, engine.uri)
    check_equal(job["full"], True, f"full of {job}")
    check_snapshot(lab, engine, job, digest)


@case
def killed_at_any_moment_and_restored(lab):
    """Whatever the disk shows then: a machine of the moment that it shows continues it,
    and one of another moment does not."""
    note(f"SMUDGE_TEST_SEED={SEED:#x}")
    engine = with_snapshots(lab, 1)
    layer, ndeltas = engine.layer_of("smudge-1"), 0
    for turn in range(6):
        digest = answer("layers", "show", layer)["digest"]
        shown = subprocess.run([TOOL, "layers", "show", engine.uri, "--json"], text=True,
                               capture_output=True, timeout=PATIENCE)
        is_shown = shown.returncode == 0 and digest in shown.stdout
        origin = engine.uri if is_shown and RNG.random() < 0.5 else layer
        machine = continued(lab, f"turn-{turn}", origin, engine)
        job, digest = saved(machine, engine.uri)
        check_equal(job["full"], not is_shown, f"full of {job}")
        ndeltas += is_shown
        layer = check_snapshot(lab, engine, job, digest)
        # it is ended within another one, or around it
        machine.qmp.run("x-smudge-checkpoint")
        a_while(0.2)
        machine.kill()
        last = engine.snapshots()[-1]
        if last != f"smudge-{job['layer']}" and RNG.random() < 0.5:
            layer = engine.layer_of(last)
    note(f"{ndeltas} deltas of 6")


main()
