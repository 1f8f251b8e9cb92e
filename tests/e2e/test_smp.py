#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several virtual processors: all of them write while the machine is paused,
migrated and ended, with every way to detect what they write."""
import os

from smudgetest import (GUEST, Skip, case, check, check_equal, check_sentence,
                        main, need_engine, run_guest, wait_until)

CROWD = os.environ["SMUDGE_CROWD"]


def crowd(lab, *arguments, vcpus, append="working-set=6M rate=20000",
          guest=CROWD):
    need_engine("kvm")
    source = lab.machine("source", "--smp", str(vcpus), "--kernel", guest,
                         "--append", append, *arguments, engine="kvm")
    source.connect().close()
    source.wait_passes(1)
    return source


def move(lab, source, destination):
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "completed", f"migration {report}")
    check_equal(source.qmp.run("x-smudge-memory-digest")["digest"],
                destination.qmp.run("x-smudge-memory-digest")["digest"],
                "digest")


@case("1 processor", vcpus=1)
@case("2 processors", vcpus=2)
@case("3 processors", vcpus=3)
@case("8 processors", vcpus=8)
def runs_to_the_end(lab, vcpus):
    run = run_guest(CROWD, "kvm", "working-set=2M passes=5", "--smp",
                    str(vcpus))
    check_equal(run.returncode, 0, run.stdout + run.stderr)
    check(f"ready pages 512 vcpus {vcpus}" in run.stdout, run.stdout)
    check("done passes 5 errors 0" in run.stdout, run.stdout)


@case
def others_halt(lab):
    """A guest for one processor runs on the first; the end of all is the end."""
    run = run_guest(GUEST, "kvm", "working-set=1M passes=2", "--smp", "4")
    check_equal(run.returncode, 0, run.stdout + run.stderr)


@case("the log, manual", dirty="kvm-manual", vcpus=2)
@case("the log, legacy", dirty="kvm-legacy", vcpus=3)
@case("the rings", dirty="kvm-ring", vcpus=2)
@case("the rings, 8 processors", dirty="kvm-ring", vcpus=8)
@case("userfaultfd", dirty="uffd", vcpus=4)
def moves(lab, dirty, vcpus):
    source = crowd(lab, "--dirty", dirty, vcpus=vcpus)
    destination = lab.destination("-S", "--smp", str(vcpus), "--dirty", dirty,
                                  engine="kvm")
    move(lab, source, destination)
    before = source.passes()
    check(before, "passes at the source")
    destination.qmp.run("cont")
    destination.wait_passes(3)
    check(destination.passes()[0] in (before[-1] + 1, before[-1] + 2),
          f"passes {before[-3:]} went on as {destination.passes()}")


@case
def moves_while_it_fills_the_rings(lab):
    """Without a limit: rings fill, or overflow, while rounds are sent."""
    source = crowd(lab, "--dirty", "kvm-ring", vcpus=2,
                   append="working-set=40M")
    destination = lab.destination("--smp", "2", "--dirty", "kvm-ring",
                                  engine="kvm")
    source.qmp.run("migrate-set-parameters", x_smudge_max_rounds=5)
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "completed", f"migration {report}")
    destination.wait_passes(2)


@case
def rings_that_are_not_reset(lab):
    """The migration fails, and the guest runs on and can move later."""
    if os.environ.get("SMUDGE_SANITIZE", "none") != "none":
        raise Skip("a sanitizer's ioctl comes before a preloaded one")
    switch = lab.path("fails")
    os.environ["LD_PRELOAD"] = os.environ["SMUDGE_FAIL_IOCTL_MODULE"]
    os.environ["SMUDGE_FAIL_IOCTL"] = str(switch)
    try:
        source = crowd(lab, "--dirty", "kvm-ring", vcpus=2,
                       append="working-set=2M rate=2000")
    finally:
        del os.environ["LD_PRELOAD"], os.environ["SMUDGE_FAIL_IOCTL"]
    first = lab.destination("--smp", "2", "--dirty", "kvm-ring", engine="kvm")
    switch.touch()
    # so slow that the guest writes meanwhile, and rings are there to reset
    source.qmp.run("migrate-set-parameters", max_bandwidth=4_000_000)
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    source.qmp.run("migrate-set-parameters", max_bandwidth=0)
    check_equal(report["status"], "failed", f"migration {report}")
    check_sentence(report["error-desc"], "KVM_RESET_DIRTY_RINGS fails")
    check_equal(first.wait(), 1, "exit status of the destination")
    source.wait_passes(len(source.passes()) + 2)
    switch.unlink()
    second = lab.destination("-S", "--smp", "2", "--dirty", "kvm-ring",
                             engine="kvm")
    move(lab, source, second)


@case
def moves_with_a_halted_processor(lab):
    source = crowd(lab, vcpus=2, guest=GUEST,
                   append="working-set=1M rate=5000")
    destination = lab.destination("--smp", "2", engine="kvm")
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    destination.wait_passes(3)


@case
def stands_still_while_stopped(lab):
    source = crowd(lab, vcpus=4)
    source.qmp.run("stop")
    first = source.qmp.run("x-smudge-memory-digest")["digest"]
    check_equal(source.qmp.run("query-status")["status"], "paused", "status")
    check_equal(source.qmp.run("x-smudge-memory-digest")["digest"], first,
                "the digest of a guest that is stopped")
    source.qmp.run("cont")
    source.wait_passes(2)
    check(source.qmp.run("stop") == {}, "stop")
    check(source.qmp.run("x-smudge-memory-digest")["digest"] != first,
          "the guest wrote nothing")


@case("more than there", here=3, there=2, words="more vCPUs")
@case("fewer than there", here=1, there=2, words="fewer vCPUs")
def other_number_is_refused(lab, here, there, words):
    source = crowd(lab, vcpus=here)
    lab.destination("--smp", str(there), engine="kvm")
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"migration {report}")
    check_sentence(report["error-desc"], words, "--smp")
    source.check_runs_on()


@case
def one_of_unicorn(lab):
    """Unicorn runs one, so a machine of several cannot move there."""
    run = run_guest(CROWD, "unicorn", "passes=1", "--smp", "2")
    check_equal(run.returncode, 1, run.stderr)
    check_sentence(run.stderr.strip(), "unicorn runs one virtual processor",
                   "--smp 2 needs kvm")
    source = crowd(lab, vcpus=2)
    lab.destination(engine="unicorn")
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"migration {report}")
    check_sentence(report["error-desc"], "more vCPUs")
    source.check_runs_on()


@case
def one_moves_between_the_engines(lab):
    source = crowd(lab, vcpus=1)
    destination = lab.destination("-S", engine="unicorn")
    move(lab, source, destination)
    destination.qmp.run("cont")
    destination.wait_passes(2)


@case
def the_last_halt_ends_it(lab):
    need_engine("kvm")
    source = lab.machine("source", "--smp", "4", "--kernel", CROWD, "--append",
                         "working-set=1M passes=3", engine="kvm")
    check_equal(source.wait(), 0, source.log())
    wait_until(lambda: "done passes 3 errors 0" in source.serial(), "the end")


main()
