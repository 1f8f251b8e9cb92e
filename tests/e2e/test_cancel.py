#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A cancelled migration leaves the guest at the source, and nothing else."""
import socket

from smudgetest import case, check, check_equal, main, wait_until


def slow(source):
    source.qmp.run("migrate-set-parameters", max_bandwidth=4_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1000)


@case
def in_the_middle_of_a_round(lab):
    source = lab.source(append="working-set=8M")
    destination = lab.destination()
    slow(source)
    source.qmp.run("migrate", uri=lab.uri)
    wait_until(lambda: source.qmp.migration().get("ram", {})
               .get("transferred", 0) > 1000000, "a million bytes sent")
    source.qmp.run("migrate_cancel")
    report = source.qmp.wait_migration("cancelled", "completed", "failed")
    check_equal(report["status"], "cancelled", f"{report}")
    check("error-desc" not in report, f"{report}")
    source.qmp.wait_event("MIGRATION", status="cancelled")
    source.check_runs_on()
    check_equal(destination.wait(), 1, "exit status of the destination")
    check_equal(len(destination.sentences()), 1, destination.log())


@case
def while_the_peer_says_nothing(lab):
    source = lab.source()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(lab.path("migration.sock")))
        deaf.listen(1)
        source.qmp.run("migrate", uri=lab.uri)
        source.qmp.run("migrate_cancel")
        source.qmp.wait_migration("cancelled")
    source.check_runs_on()


@case
def then_a_second_attempt_succeeds(lab):
    source = lab.source()
    first = lab.destination()
    slow(source)
    source.qmp.run("migrate", uri=lab.uri)
    check_equal(source.qmp.fails("migrate", uri=lab.uri).desc,
                "There's a migration process in progress", "second migrate")
    source.qmp.run("migrate_cancel")
    source.qmp.wait_migration("cancelled")
    first.wait()
    source.qmp.run("migrate-set-parameters", max_bandwidth=0,
                   downtime_limit=300)
    second = lab.destination("-S", name="second")
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    second.qmp.wait_migration("completed")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                second.qmp.run("x-smudge-memory-digest"), "digests")


@case
def with_nothing_to_cancel(lab):
    source = lab.source()
    check_equal(source.qmp.run("migrate_cancel"), {}, "reply")
    check_equal(source.qmp.migration(), {"status": "none"}, "query-migrate")


@case
def quit_in_the_middle_of_a_round(lab):
    source = lab.source(append="working-set=8M")
    destination = lab.destination()
    slow(source)
    source.qmp.run("migrate", uri=lab.uri)
    wait_until(lambda: source.qmp.migration().get("ram", {})
               .get("transferred", 0) > 1000000, "a million bytes sent")
    source.qmp.run("quit")
    check_equal(source.wait(), 0, "exit status of the source")
    check_equal(destination.wait(), 1, "exit status of the destination")


main()
