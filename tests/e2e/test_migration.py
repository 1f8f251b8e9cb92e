#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest moves while it writes; it checks its own memory afterwards."""
from smudgetest import case, check, check_equal, check_sentence, main


def move(lab, source, destination, uri):
    """Migrate to a paused destination; the memories must be the same."""
    source.qmp.run("migrate-set-parameters", max_bandwidth=40_000_000)
    source.qmp.run("migrate", uri=uri)
    report = source.qmp.wait_migration("completed", "failed")
    check_equal(report["status"], "completed", f"status of {report}")
    destination.qmp.wait_migration("completed")
    check_equal(source.qmp.run("query-status")["status"], "postmigrate",
                "the source's state")
    check_equal(destination.qmp.run("query-status")["status"], "paused",
                "the destination's state")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                destination.qmp.run("x-smudge-memory-digest"), "digests")
    source.check_tracking_off()
    return report


def check_report(report):
    ram = report["ram"]
    check(ram["dirty-sync-count"] >= 2, f"rounds: {ram}")
    check_equal(ram["total"], 64 << 20, "total")
    check_equal(ram["remaining"], 0, "remaining")
    check_equal(ram["normal-bytes"], ram["normal"] * ram["page-size"], "bytes")
    # every page once, and those written meanwhile again
    check(ram["normal"] + ram["duplicate"] >= (64 << 20) // 4096, f"{ram}")
    check(ram["transferred"] >= ram["normal-bytes"], f"{ram}")
    check(report["total-time"] >= report["setup-time"], f"{report}")


@case("kvm to kvm", engines=("kvm", "kvm"))
@case("unicorn to unicorn", engines=("unicorn", "unicorn"))
@case("kvm to unicorn", engines=("kvm", "unicorn"))
@case("unicorn to kvm", engines=("unicorn", "kvm"))
@case("kvm with the legacy log", engines=("kvm", "kvm"), dirty="kvm-legacy")
@case("kvm with the dirty rings", engines=("kvm", "kvm"), dirty="kvm-ring")
@case("kvm with uffd", engines=("kvm", "kvm"), dirty="uffd")
@case("unicorn with the write hook", engines=("unicorn", "unicorn"),
      dirty="hook")
def moves(lab, engines, dirty="auto"):
    source = lab.source("--dirty", dirty, engine=engines[0])
    destination = lab.destination("-S", engine=engines[1])
    report = move(lab, source, destination, lab.uri)
    check_report(report)
    before = source.passes()
    destination.qmp.run("cont")
    # the first pass reported there began at the source
    destination.wait_passes(3)
    after = destination.passes()
    check(after[0] in (before[-1] + 1, before[-1] + 2),
          f"passes {before[-3:]} went on as {after}")
    check_equal(after, list(range(after[0], after[0] + len(after))), "passes")


@case
def there_and_back_with_other_engines(lab):
    source = lab.source(engine="kvm")
    destination = lab.destination("-S", engine="unicorn")
    move(lab, source, destination, lab.uri)
    destination.qmp.run("cont")
    destination.wait_passes(2)
    back = lab.machine("back", "--incoming", f"unix:{lab.path('back.sock')}",
                       "-S", engine="kvm")
    back.connect().close()
    move(lab, destination, back, f"unix:{lab.path('back.sock')}")
    back.qmp.run("cont")
    back.wait_passes(3)


@case
def over_tcp_and_without_S_it_runs_at_once(lab):
    source = lab.source()
    destination = lab.machine("destination", "--incoming", "defer")
    destination.qmp.run("migrate-incoming", uri="tcp:127.0.0.1:0")
    address, = destination.qmp.migration()["socket-address"]
    port = address["port"]
    check_equal(address, {"type": "inet", "host": "127.0.0.1", "port": port},
                "address")
    check(int(port) > 0, port)
    source.qmp.run("migrate", uri=f"tcp:127.0.0.1:{port}")
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(destination.qmp.run("query-status"),
                {"status": "running", "running": True}, "status")
    destination.wait_passes(3)


@case
def a_paused_guest_arrives_paused(lab):
    source = lab.source()
    destination = lab.destination()
    source.qmp.run("stop")
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(destination.qmp.run("query-status")["status"], "paused",
                "state")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                destination.qmp.run("x-smudge-memory-digest"), "digests")
    destination.qmp.run("cont")
    destination.wait_passes(3)


@case
def a_guest_that_moved_away_does_not_run_here_again(lab):
    source = lab.source()
    destination = lab.destination("-S")
    move(lab, source, destination, lab.uri)
    check_sentence(source.qmp.fails("cont").desc, "migrated away")
    check_sentence(source.qmp.fails("migrate", uri=lab.uri).desc,
                   "migrated away")
    check_equal(source.qmp.run("query-status")["running"], False, "running")


@case
def random_writes_all_over_memory(lab):
    source = lab.source(append="working-set=32M pattern=random")
    destination = lab.destination("-S")
    move(lab, source, destination, lab.uri)
    destination.qmp.run("cont")
    destination.wait_passes(2)


main()
