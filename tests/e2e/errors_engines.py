#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guests that need what Unicorn 2.0.1 does not emulate: page tables.

guests/remap goes on where addresses are translated. Unicorn stops it, or
refuses it at the handover, with a sentence, before it sees wrong memory.
"""
import os

from smudgetest import (case, check, check_equal, check_sentence, main,
                        need_engine, run_guest)

REMAP = os.environ["SMUDGE_REMAP"]
ADVICE = "Unicorn 2.0.1 does not translate addresses: use --engine kvm"


@case("tables changed, on kvm", by="store")
@case("tables of its own, on kvm", by="cr3")
def translated(lab, by):
    run = run_guest(REMAP, "kvm", f"by={by} passes=3")
    check_equal(run.returncode, 0, f"status, said {run.stdout[-300:]!r}")


@case("tables changed, on unicorn", by="store",
      says="the guest writes its page tables, at 0x12068")
@case("tables of its own, on unicorn", by="cr3", says="CR3 is 0x")
def stopped(lab, by, says):
    run = run_guest(REMAP, "unicorn", f"by={by} passes=3")
    check_equal(run.returncode, 1, f"status, said {run.stdout[-300:]!r}")
    check_equal(run.stdout, "", "what the guest said")
    check_sentence(run.stderr.strip().splitlines()[-1], says, ADVICE)


@case("tables changed, kvm to unicorn", by="store",
      says="the page-table entry at 0x12068 is 0x18000e3, not the loader's")
@case("tables of its own, kvm to unicorn", by="cr3", says="CR3 is 0x")
def refused(lab, by, says):
    need_engine("kvm", "unicorn")
    source = lab.machine("source", "--kernel", REMAP, "--append",
                         f"by={by} rate=100", engine="kvm")
    source.connect().close()
    source.wait_passes(1)
    destination = lab.destination(engine="unicorn")
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"{report}")
    check_sentence(report["error-desc"], "the destination refused", says,
                   ADVICE)
    check_equal(destination.wait(), 1, "the destination's status")
    check_sentence(destination.sentences()[-1], says, ADVICE)
    check_equal(destination.serial(), "", "what it said at the destination")
    source.check_runs_on()


@case
def moved_where_addresses_are_translated(lab):
    need_engine("kvm")
    source = lab.machine("source", "--kernel", REMAP, "--append",
                         "by=cr3 rate=100", engine="kvm")
    source.connect().close()
    source.wait_passes(1)
    destination = lab.destination(engine="kvm")
    source.qmp.run("migrate", uri=lab.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "completed", f"{report}")
    destination.wait_passes(3)
    check(source.passes(), "the guest ran at the source")


main()
