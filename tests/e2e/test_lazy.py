#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest runs at once while its memory comes in from a checkpoint; it checks
its own memory. It is saved, moved and stopped meanwhile, and never runs on
with wrong bytes."""
import ctypes
import os
import signal
import subprocess

from ending import end_in_time
from layers import answer, file_of, tool, verify
from smudgetest import GUEST, MIB, PATIENCE, VM, Over, Skip, any_engine, case, \
    check, check_equal, check_sentence, main, need_engine, wait_until

# A guest that was late makes up for a second at most (guests/pace.h), half of
# its 16 MiB, and writes the rest in a second.
LOAD = "working-set=16M rate=2000"
SLOWLY = ("--lazy", "--lazy-rate", "1M")
CAP_SYS_PTRACE = 19


def saved(lab, count=2, append=LOAD, **arguments):
    """A folder with so many layers; the guest's passes until then."""
    folder = lab.path("layers")
    source = lab.source(append=append)
    for number in range(count):
        source.checkpoint(folder, **(arguments if number == 0 else {}))
    passes = source.passes()
    source.kill()
    lab.machines.remove(source)
    return folder, passes


def lazy(machine):
    return machine.qmp.run("query-x-smudge-lazy")


def check_active(machine):
    report = lazy(machine)
    if report["status"] == "completed" or not report["missing-bytes"]:
        raise Over(f"all is in: {report}")
    check_equal(report["status"], "active", f"{report}")
    return report


def wait_all(machine):
    wait_until(lambda: lazy(machine)["status"] != "active", "all is in")
    report = lazy(machine)
    check_equal((report["status"], report["missing-bytes"]), ("completed", 0),
                f"{report}")
    return report


def continues(lab, folder, before, number=None):
    """Restored eagerly, the guest goes on where that moment was."""
    name = folder if number is None else f"{folder}@{number}"
    verify(folder, number)
    machine = lab.restored("eager", "--restore", name, "--checkpoint-to",
                           "none")
    machine.wait_passes(2)
    check(machine.passes()[0] <= before[-1] + 1,
          f"{machine.passes()[:3]} after {before[-3:]}")
    machine.kill()
    lab.machines.remove(machine)


@case("kvm", engine="kvm")
@case("unicorn", engine="unicorn")
def saved_while_it_comes_in(lab, engine):
    need_engine(engine)
    folder, passes = saved(lab)
    machine = lab.restored("lazy", "--restore", folder, *SLOWLY, engine=engine)
    check_active(machine)
    jobs = [machine.checkpoint(folder), machine.checkpoint(folder)]
    check_active(machine)
    machine.qmp.run("stop")
    jobs.append(machine.checkpoint(folder))
    report = check_active(machine)
    # the whole memory is read, and so comes in
    digest = machine.qmp.run("x-smudge-memory-digest")
    machine.qmp.wait_event("X_SMUDGE_LAZY", status="completed")
    report = wait_all(machine)
    check(report["faults"] > 0 and report["longest-fault-ns"] > 0, f"{report}")
    machine.qmp.run("cont")
    machine.wait_passes(2)
    jobs.append(machine.checkpoint(folder, full=True))
    check_equal([job["full"] for job in jobs], [False, False, False, True],
                "full")
    # what came in is clean; a checkpoint that comes late finds all written
    check(min(job["pages"] for job in jobs[:3]) < 16 * MIB // 4096, f"{jobs}")
    after = passes + machine.passes()
    check_equal(machine.sentences(), [], "sentences")
    machine.kill()
    for job in (jobs[0], jobs[1], jobs[3]):
        continues(lab, folder, after, job["layer"])
    paused = lab.restored("paused", "--restore", f"{folder}@{jobs[2]['layer']}",
                          "--checkpoint-to", "none")
    check_equal(paused.qmp.run("x-smudge-memory-digest"), digest, "digests")


@case
def a_full_layer_waits_for_what_is_missing(lab):
    folder, passes = saved(lab)
    other = lab.path("other")
    machine = lab.restored("lazy", "--restore", folder, "--checkpoint-to",
                           other, *SLOWLY)
    check_active(machine)
    check_equal(machine.checkpoint(other)["full"], True, "full")
    after = passes + machine.passes()
    machine.kill()
    continues(lab, other, after)


@case
def it_goes_to_another_machine(lab):
    folder, _ = saved(lab)
    destination = lab.destination("-S")
    machine = lab.restored("lazy", "--restore", folder, *SLOWLY)
    check_active(machine)
    machine.qmp.run("migrate", uri=lab.uri)
    machine.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(machine.qmp.run("x-smudge-memory-digest"),
                destination.qmp.run("x-smudge-memory-digest"), "digests")
    machine.kill()
    destination.qmp.run("cont")
    destination.wait_passes(2)


@case
def it_stops_continues_and_ends(lab):
    folder, _ = saved(lab, 1)
    machine = lab.restored("lazy", "--restore", folder, *SLOWLY, "-S")
    check_equal(machine.qmp.run("query-status")["status"], "prelaunch", "-S")
    machine.qmp.run("cont")
    machine.qmp.run("stop")
    check_equal(machine.qmp.run("query-status")["status"], "paused", "stop")
    check_active(machine)
    machine.qmp.run("cont")
    machine.qmp.run("quit")
    check_equal(machine.wait(), 0, machine.log())
    for name in ("one", "two"):
        machine = lab.restored(name, "--restore", folder, *SLOWLY)
        check_active(machine)
        end_in_time(machine.process, signal.SIGTERM, name,
                    lambda: machine.process.wait(PATIENCE))
        machine.wait_status(128 + signal.SIGTERM)
        check("the guest was running" in machine.log(), machine.log())


def open_in(machine, folder):
    """What it has open of the folder."""
    paths = []
    for name in os.listdir(f"/proc/{machine.process.pid}/fd"):
        try:
            paths.append(os.readlink(f"/proc/{machine.process.pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    return [path for path in paths if path.startswith(str(folder))]


@case
def layers_that_are_to_come_in_are_not_pruned(lab):
    folder, _ = saved(lab, 3)
    prune = ("layers", "prune", folder, "--keep-last", "1", "--garbage", "0")
    before = sorted(os.listdir(folder))
    machine = lab.restored("lazy", "--restore", f"{folder}@2",
                           "--checkpoint-to", "none", *SLOWLY)
    tool(*prune)
    left = sorted(os.listdir(folder))
    check_active(machine)
    check_equal(left, before, "layers")
    machine.qmp.run("stop")
    machine.qmp.run("x-smudge-memory-digest")
    wait_all(machine)
    answer(*prune)
    check_equal(os.listdir(folder), [before[-1]], "layers")
    machine.qmp.run("cont")
    machine.wait_passes(1)


@case
def the_folder_is_held_until_all_is_in(lab):
    folder, _ = saved(lab)
    machine = lab.restored("lazy", "--restore", folder, "--checkpoint-to",
                           "none", *SLOWLY)
    is_open = bool(open_in(machine, folder))
    check_active(machine)
    check(is_open, "the folder is not open")
    machine.kill()
    machine = lab.restored("quick", "--restore", folder, "--checkpoint-to",
                           "none", "--lazy")
    wait_all(machine)
    # closed before it is reported
    check_equal(open_in(machine, folder), [], "open files")
    machine.wait_passes(2)
    check_equal(machine.qmp.run("query-x-smudge-checkpoints")["checkpoints"],
                [], "checkpoints")
    # without --lazy there is nothing to say
    other = lab.restored("other", "--restore", folder)
    check_equal(lazy(other), {"status": "none"}, "without --lazy")


def check_lost(machine, passes, *parts):
    """The guest stands for good, and the sentence is everywhere. The machine was
    asked something before: an event is for who is connected."""
    event = machine.qmp.wait_event("X_SMUDGE_LAZY", status="failed")
    check_sentence(event["data"]["error-desc"], *parts)
    check_equal(machine.qmp.run("query-status"),
                {"status": "internal-error", "running": False}, "state")
    report = lazy(machine)
    check_equal(report["status"], "failed", f"{report}")
    check_sentence(report["error-desc"], *parts)
    for command, arguments in (("cont", {}), ("x-smudge-memory-digest", {}),
                               ("x-smudge-checkpoint", {"folder": "x"}),
                               ("migrate", {"uri": "unix:/nonexistent"})):
        check_sentence(machine.qmp.fails(command, **arguments).desc, *parts)
    # it may come after the event
    said = wait_until(machine.sentences, "its sentence")
    check_equal(len(said), 1, f"{said}")
    check_sentence(said[0], "the guest has failed", *parts)
    # it has seen no wrong byte
    check(not [number for number in machine.passes() if number > passes[-1] + 9],
          "it ran on")
    machine.qmp.run("quit")
    check_equal(machine.wait(), 1, machine.log())


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


@case("kvm", engine="kvm")
@case("unicorn", engine="unicorn")
def a_damaged_page(lab, engine):
    need_engine(engine)
    folder, passes = saved(lab, 1, uncompressed=True)
    path = file_of(folder, 1)
    flip(path, path.stat().st_size * 3 // 4)
    machine = lab.restored("lazy", "--restore", folder, *SLOWLY, "-S",
                           engine=engine)
    machine.qmp.run("cont")
    check_lost(machine, passes, "layer-00000001.qcow2")
    # without a user who could ask, the process ends
    run = subprocess.run(
        [VM, "-m", "64M", "--engine", engine, "--serial", "null", "--restore",
         str(folder), "--lazy"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=PATIENCE)
    check_equal(run.returncode, 1, run.stderr)
    check_sentence(run.stderr.splitlines()[-1], "layer-00000001.qcow2")


@case("kvm", engine="kvm")
@case("unicorn", engine="unicorn")
def a_file_that_is_cut(lab, engine):
    need_engine(engine)
    folder, passes = saved(lab, 1, uncompressed=True)
    path = file_of(folder, 1)
    machine = lab.restored("lazy", "--restore", folder, *SLOWLY, engine=engine)
    check_active(machine)
    machine.qmp.run("x-smudge-checkpoint", full=True)
    os.truncate(path, path.stat().st_size // 2)
    if machine.ended_checkpoint(1)["status"] == "completed":
        raise Over("all was in before the file was cut")
    machine.wait_checkpoint("cancelled", 1)
    check_lost(machine, passes, "layer-00000001.qcow2")
    check_equal(os.listdir(folder), [path.name], "files in the folder")


@case
def a_migration_ends_with_it(lab):
    """The destination gets no guest whose memory is not all there."""
    folder, passes = saved(lab, 1, uncompressed=True)
    path = file_of(folder, 1)
    destination = lab.destination()
    machine = lab.restored("lazy", "--restore", folder, *SLOWLY, "-S")
    machine.qmp.run("migrate-set-parameters", max_bandwidth=2000000)
    machine.qmp.run("migrate", uri=lab.uri)
    machine.qmp.wait_migration("active")
    os.truncate(path, path.stat().st_size // 2)
    report = machine.qmp.wait_migration("cancelled", "failed", "completed")
    if report["status"] == "completed":
        raise Over("the guest had moved before the file was cut")
    check_lost(machine, passes, "layer-00000001.qcow2")
    check_equal(destination.wait(), 1, destination.log())
    # the source has half a second to say so, in which it may stand
    check_sentence(destination.sentences()[-1],
                   "the source gave up|before the migration was complete")
    check_equal(destination.serial(), "", "what it printed there")


def without_privilege():
    """In the child: userfaultfd only for this process's own faults."""
    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWNS, MS_BIND, PR_CAPBSET_DROP = 0x20000, 0x1000, 24
    MS_PRIVATE, MS_REC = 0x40000, 0x4000
    if libc.unshare(CLONE_NEWNS) or \
            libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) or \
            libc.prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0):
        os._exit(99)
    if os.path.exists("/dev/userfaultfd") and \
            libc.mount(b"/dev/null", b"/dev/userfaultfd", None, MS_BIND, None):
        os._exit(99)


def unprivileged(folder, engine):
    need_engine(engine)
    try:
        allowed = open("/proc/sys/vm/unprivileged_userfaultfd").read() != "0\n"
    except FileNotFoundError:
        allowed = True
    if os.getuid() or allowed:
        raise Skip("only root can give up the privilege, where it is needed")
    run = subprocess.run(
        [VM, "-m", "64M", "--engine", engine, "--serial", "stdio", "--restore",
         str(folder), "--lazy", "--checkpoint-to", "none"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, preexec_fn=without_privilege)
    if run.returncode == 99:
        raise Skip("the privilege cannot be given up here")
    return run


@case
def kvm_needs_a_privilege(lab):
    folder, _ = saved(lab, 1, append="working-set=1M")
    run = unprivileged(folder, "kvm")
    check_equal((run.returncode, run.stdout), (1, ""), run.stderr)
    check_sentence(run.stderr.rstrip("\n"), "CAP_SYS_PTRACE",
                   "vm.unprivileged_userfaultfd", "/dev/userfaultfd")


@case
def unicorn_needs_none(lab):
    folder, _ = saved(lab, 1, append="working-set=1M passes=40 rate=4000")
    run = unprivileged(folder, "unicorn")
    check_equal(run.returncode, 0, run.stderr)
    check("pass 40 " in run.stdout and "errors 0" in run.stdout, run.stdout)


@case
def with_a_screen(lab):
    folder = lab.path("layers")
    source = lab.machine("source", "--kernel", os.environ["SMUDGE_PAINT"],
                         "--display", "320x200")
    source.connect().close()
    wait_until(lambda: source.stats()["harvests"] >= 0, "it runs")
    source.qmp.run("stop")
    source.checkpoint(folder)
    source.qmp.run("screendump", filename=str(lab.path("before.ppm")))
    machine = lab.restored("lazy", "--restore", folder, "--display", "320x200",
                           "--lazy", "--lazy-rate", "4K")
    machine.qmp.run("screendump", filename=str(lab.path("after.ppm")))
    check_equal(lab.path("before.ppm").read_bytes(),
                lab.path("after.ppm").read_bytes(), "pictures")


main()
