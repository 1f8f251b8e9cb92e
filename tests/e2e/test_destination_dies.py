#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The destination dies at each stage: the guest goes on at the source."""
from smudgetest import case, check, check_equal, check_sentence, main, \
    wait_until
from stream import (ACK, END, GO, PAGES, REGION_TABLE, ROUND_BEGIN, ROUND_END,
                    STATE, FakeDestination)


def check_failed(source, *parts):
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"status of {report}")
    check_sentence(report["error-desc"], *parts)
    source.check_runs_on()


@case
def before_the_connection(lab):
    source = lab.source()
    destination = lab.destination()
    destination.kill()
    source.qmp.run("migrate", uri=lab.uri)
    check_failed(source, "cannot connect", "refused")


@case("during the first round", rounds=1)
@case("during later rounds", rounds=3)
def killed_in_rounds(lab, rounds):
    # it writes faster than may be sent, so rounds go on
    source = lab.source(append="working-set=8M")
    destination = lab.destination()
    source.qmp.run("migrate-set-parameters", max_bandwidth=8_000_000,
                   downtime_limit=1, x_smudge_max_rounds=1000)
    source.qmp.run("migrate", uri=lab.uri)

    def far_enough():
        report = source.qmp.migration()
        check(report["status"] in ("setup", "active"), f"too early: {report}")
        ram = report.get("ram", {})
        return ram.get("dirty-sync-count", 0) >= rounds and \
            ram.get("transferred", 0) > 1000000
    wait_until(far_enough, f"round {rounds}")
    destination.kill()
    check_failed(source, "connection|closed")


STAGES = [
    ("when the regions are known", REGION_TABLE, False),
    ("in the first pages", PAGES, False),
    ("instead of acknowledging a round", ROUND_END, False),
    ("when the final round begins", ROUND_BEGIN, True),
    ("at the end of the final round", ROUND_END, True),
    ("when the state has come", STATE, True),
    ("instead of the acknowledgement", END, True),
]


def leaves(lab, leave_at, leave_in_final):
    source = lab.source()
    peer = FakeDestination(lab, leave_at, leave_in_final)
    source.qmp.run("migrate", uri=peer.uri)
    check_failed(source, "connection|closed")
    check_equal(peer.failure, None, "the fake destination's own failure")
    check_equal(peer.seen[-1], leave_at, "last record")
    check(GO not in peer.seen, "GO came without an acknowledgement")


for title, kind, in_final in STAGES:
    case(title, leave_at=kind, leave_in_final=in_final)(leaves)


@case
def after_go_nobody_knows_so_it_stands_until_taken_back(lab):
    source = lab.source()
    peer = FakeDestination(lab, GO, leave_in_final=True)
    source.qmp.run("migrate", uri=peer.uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "failed", f"{report}")
    check_sentence(report["error-desc"], "did not confirm")
    check_equal(source.qmp.run("query-status"),
                {"status": "postmigrate", "running": False}, "status")
    source.check_tracking_off()
    check_sentence(source.qmp.fails("cont").desc, "x-smudge-take-back")
    source.qmp.run("x-smudge-take-back")
    source.qmp.run("cont")
    source.check_runs_on()
    check_sentence(source.qmp.fails("x-smudge-take-back").desc, "unconfirmed")


@case
def a_paused_guest_stays_paused(lab):
    source = lab.source()
    source.qmp.run("stop")
    peer = FakeDestination(lab, END)
    source.qmp.run("migrate", uri=peer.uri)
    source.qmp.wait_migration("failed")
    check_equal(source.qmp.run("query-status"),
                {"status": "paused", "running": False}, "status")
    source.qmp.run("cont")
    source.check_runs_on()


@case
def the_next_attempt_succeeds(lab):
    source = lab.source()
    peer = FakeDestination(lab, END)
    source.qmp.run("migrate", uri=peer.uri)
    check_failed(source, "connection|closed")
    check(ACK not in peer.seen, "a sender does not acknowledge")
    destination = lab.machine("destination", "--incoming",
                              f"unix:{lab.path('second.sock')}", "-S")
    destination.connect().close()
    source.qmp.run("migrate", uri=f"unix:{lab.path('second.sock')}")
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                destination.qmp.run("x-smudge-memory-digest"), "digests")
    destination.qmp.run("cont")
    destination.wait_passes(3)


main()
