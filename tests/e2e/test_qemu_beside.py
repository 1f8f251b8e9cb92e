#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stock QEMU that is checkpointed from outside, beside others: QEMU migrates
while smudge tracks it and rates it; a second smudge is refused.

The guest is the small one. An emulated one is no judge of its memory behind a
migration: QEMU 7.2 loses writes of it when it migrates it, also without smudge.
"""
from layers import tool
from linux_machine import Saver
from smudgetest import PATIENCE, Over, QmpError, case, check_equal, \
    check_sentence, main, wait_until
from stock_qemu import StockQemu, connect, passes_in, qemu_program

SLOW_BPS, FAST_BPS = 256 << 10, 4 << 30
INTERVAL_S = "0.3"


def start(lab, name, *more):
    """With a monitor beside the one that is smudge's."""
    path = lab.path(f"{name}-second.qmp")
    machine = StockQemu(lab, name, "-qmp", f"unix:{path},server=on,wait=off",
                        *more)
    return machine, connect(path, machine.process)


def try_migrate(monitor, uri):
    """QEMU has one migration at a time, and a checkpoint's may be it."""
    try:
        # a checkpoint puts back what it found
        monitor.run("migrate-set-parameters", max_bandwidth=SLOW_BPS)
        monitor.run("migrate", uri=uri)
    except QmpError as error:
        check_sentence(error.desc, "migration", "in progress")
        return False
    return True


def begin_migration(monitor, uri, saver):
    """Until smudge has said something of it. A checkpoint may be at its begin or
    its end: its settings, QEMU has but one set, are the migration's then."""
    wait_until(lambda: try_migrate(monitor, uri), "a moment between checkpoints")
    wait_until(lambda: saver.errors() or monitor.migration()["status"] in
               ("completed", "failed"), "what smudge says of the migration")
    found = (monitor.migration()["status"],
             monitor.run("query-migrate-parameters")["max-bandwidth"])
    if found != ("active", SLOW_BPS):
        raise Over(f"a checkpoint's settings: {found}")


def end_migration(monitor):
    monitor.run("migrate-set-parameters", max_bandwidth=FAST_BPS)
    monitor.wait_migration("completed")


@case
def it_goes_on_after_a_migration_that_was_cancelled(lab):
    machine, monitor = start(lab, "machine")
    machine.console.wait_passes(3)
    saver = Saver(lab, machine, lab.path("layers"), "--every", INTERVAL_S)
    saver.wait_layers(2)
    begin_migration(monitor, "exec:cat >/dev/null", saver)
    monitor.run("migrate_cancel")
    monitor.wait_migration("cancelled")
    saver.wait_layers(2)
    check_equal(saver.stop(), 0, f"status: {saver.errors()}")
    machine.console.wait_passes(3)


@case
def it_migrates_while_it_is_tracked_and_rated(lab):
    machine, monitor = start(lab, "machine")
    machine.console.wait_passes(3)
    destination, theirs = start(lab, "destination", "-incoming", "defer")
    uri = f"unix:{lab.path('migration')}"
    theirs.run("migrate-incoming", uri=uri)
    saver = Saver(lab, machine, lab.path("layers"), "--every", INTERVAL_S)
    saver.wait_layers(2)
    begin_migration(monitor, uri, saver)
    rated = tool("rate", "--duration", "1", "--json", machine.process.pid)
    check_equal(rated.returncode, 0, f"rate: {rated.stderr}")
    check_sentence(saver.errors().splitlines()[0], "migrates")
    check_equal(monitor.migration()["status"], "active", "the migration")
    machine.console.wait_passes(3)
    end_migration(monitor)
    # the guest is at the other end now, and the series is over
    check_equal(saver.process.wait(PATIENCE), 1, "status of the series")
    check_sentence(saver.errors().splitlines()[-1], "was migrated")
    if not qemu_program.has_kvm():
        # which loses writes by itself, and the guest says so
        wait_until(destination.console.text, "the guest runs there")
        return
    destination.console.wait_passes(3)
    # a line may have begun at the one end, and ended at the other
    passes = passes_in(machine.console.text() + destination.console.text())
    check_equal(passes, [*range(passes[0], passes[0] + len(passes))], "passes")


@case
def a_second_smudge_is_refused(lab):
    machine, monitor = start(lab, "machine")
    machine.console.wait_passes(3)
    saver = Saver(lab, machine, lab.path("layers"), "--every", INTERVAL_S)
    saver.wait_layers(1)
    # by another monitor: it is the process that has one smudge
    monitor.close()
    refused = tool("checkpoint", "--qemu", lab.path("machine-second.qmp"),
                   "--to", lab.path("others"))
    check_equal(refused.returncode, 1, "status of the second")
    check_sentence(refused.stderr.strip(), "smudge", str(machine.process.pid))
    saver.wait_layers(2)
    check_equal(saver.stop(), 0, f"status: {saver.errors()}")
    machine.console.wait_passes(3)


if __name__ == "__main__":
    main()
