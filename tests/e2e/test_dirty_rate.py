#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""calc-dirty-rate and query-dirty-rate, also while other clients track.

What a window counts is compared with the guest's own counts, not with time: a
guest that wrote its whole working set in it.
"""
import re
import time

from smudgetest import (GUEST, MIB, Skip, any_engine, case, check, check_equal,
                        check_sentence, main, need_engine, wait_until)

WORKING_SET = 4 * MIB >> 12
# the guest's own code, stack and counters
FEW_PAGES = 40
FAST = "working-set=4M rate=60000"


def calc(machine, ms, **arguments):
    machine.qmp.run("calc-dirty-rate", calc_time=int(ms),
                    calc_time_unit="millisecond", **arguments)


def query(machine):
    return machine.qmp.run("query-dirty-rate", calc_time_unit="millisecond")


def measured(machine):
    def report():
        found = query(machine)
        return found if found["status"] == "measured" else None
    return wait_until(report, "a measured rate")


def windows(report):
    return {w["window-ms"]: w for w in report["x-smudge"]["windows"]}


def check_whole_working_set(window):
    """Of windows in each of which the guest wrote all of it."""
    pages = window["pages"] / window["measured"]
    check(WORKING_SET <= pages <= WORKING_SET + FEW_PAGES,
          f"{pages} pages of {WORKING_SET} in {window}")
    check_equal(window["bytes-ps"],
                window["pages"] * 4096 * 10**9 // window["ns"], "rate")


def reports_needlessly(machine, report):
    """After a kernel has overwritten entries of a ring all pages are reported."""
    return "overwrote some" in machine.log() and any(
        window["pages"] / window["measured"] > WORKING_SET + FEW_PAGES
        for window in report["x-smudge"]["windows"])


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))


def passes_within(machine, ms, **arguments):
    """Passes that began and ended in a window of that length, and its report.

    The window begins somewhat after the command was sent, and ends at its
    length after that at the earliest: passes are counted in its middle.
    """
    sent = time.monotonic()
    calc(machine, ms, **arguments)
    sleep_until(time.monotonic() + 0.4 * ms / 1000)
    first = len(machine.passes())
    sleep_until(sent + 0.9 * ms / 1000)
    last = len(machine.passes())
    was_late = time.monotonic() > sent + ms / 1000
    return 0 if was_late else last - first - 1, measured(machine)


def whole_passes(machine, least_ms, **arguments):
    """Measure until the guest made a whole pass meanwhile.

    The longer a window, the likelier such a kernel overwrites entries in it.
    """
    ms = least_ms
    attempts = 0
    while attempts < 20:
        passes, report = passes_within(machine, ms, **arguments)
        if passes < 1:
            ms *= 2  # a slow machine
            check(ms <= 60000, "a guest that makes no passes")
        elif reports_needlessly(machine, report):
            ms = max(least_ms, ms / 2)
            attempts += 1
        else:
            return report
    raise Skip("KVM overwrote entries of its rings in 20 measurements")


@case
def the_fields_are_those_of_QEMU(lab):
    source = lab.source(append=FAST)
    found = source.qmp.run("query-dirty-rate")
    check_equal(found.pop("x-smudge"), {"total-pages": 0, "content-pages": 0,
                                        "cost-ns": 0, "windows": []}, "own")
    check_equal(found, {"status": "unstarted", "start-time": 0, "calc-time": 0,
                        "calc-time-unit": "second", "sample-pages": 0,
                        "mode": "dirty-bitmap"}, "unstarted")
    before = int(time.time())
    check_equal(source.qmp.run("calc-dirty-rate", calc_time=2), {}, "reply")
    found = source.qmp.run("query-dirty-rate")
    # a slow machine may be ready already
    check_equal(found["status"], "measured" if "dirty-rate" in found else
                "measuring", f"{found}")
    check_equal((found["calc-time"], found["calc-time-unit"]), (2, "second"),
                f"{found}")
    found = measured(source)
    check_equal((found["calc-time"], found["calc-time-unit"]),
                (2000, "millisecond"), f"{found}")
    check(before <= found["start-time"] <= time.time(), f"{found}")
    own = found["x-smudge"]
    check_equal(found["dirty-rate"],
                own["windows"][0]["bytes-ps"] // MIB, "MiB per second")
    check_equal(own["total-pages"], 64 * MIB >> 12, "pages")
    # one page in five is looked at
    content = own["content-pages"]
    check(WORKING_SET * 0.9 < content < WORKING_SET * 1.2, f"{own}")
    check(own["cost-ns"] > 0, f"{own}")
    source.check_tracking_off()


@case("kvm", engine="kvm")
@case("kvm with the legacy log", engine="kvm", dirty="kvm-legacy")
@case("kvm with the dirty rings", engine="kvm", dirty="kvm-ring",
      mode="dirty-ring")
@case("kvm with uffd", engine="kvm", dirty="uffd")
@case("unicorn", engine="unicorn")
@case("unicorn with the write hook", engine="unicorn", dirty="hook")
def all_pages_that_are_written(lab, engine, dirty="auto", mode="dirty-bitmap"):
    source = lab.source("--dirty", dirty, engine=engine, append=FAST)
    found = whole_passes(source, 500, mode=mode)
    check_equal(found["mode"], mode, "mode")
    check_whole_working_set(found["x-smudge"]["windows"][0])
    other = {"dirty-ring": "dirty-bitmap", "dirty-bitmap": "dirty-ring"}[mode]
    check_sentence(source.qmp.fails("calc-dirty-rate", calc_time=1,
                                    mode=other).desc, mode, other)
    source.check_runs_on()


@case
def windows_of_several_lengths(lab):
    source = lab.source(append="working-set=16M rate=4000")
    calc(source, 2000, x_smudge_windows=[100, 500, 2000])
    found = windows(measured(source))
    check_equal(sorted(found), [100, 500, 2000], "windows")
    # the kernel may be late, but time does not run faster
    check(1 <= found[100]["measured"] <= 40, f"{found}")
    check(1 <= found[500]["measured"] <= 8, f"{found}")
    check_equal(found[2000]["measured"], 1, f"{found}")
    for ms, window in found.items():
        check(window["ns"] >= ms / 2 * 10**6 * window["measured"], f"{window}")
    # what is in a part is in the whole
    check(found[100]["pages"] / found[100]["measured"] <=
          found[2000]["pages"], f"{found}")
    # one thing after the other: each page is in one of the short windows
    check(found[2000]["pages"] <= found[100]["pages"] + FEW_PAGES +
          4000 * (found[2000]["ns"] - found[100]["ns"]) / 1e9 * 2, f"{found}")


@case
def a_paused_guest_writes_nothing(lab):
    source = lab.source(append=FAST)
    source.qmp.run("stop")
    calc(source, 100)
    found = measured(source)
    check_equal((found["dirty-rate"], found["x-smudge"]["windows"][0]["pages"]),
                (0, 0), f"{found}")
    source.qmp.run("cont")
    check_whole_working_set(whole_passes(source, 500)["x-smudge"]["windows"][0])


@case("kvm", engine="kvm")
@case("kvm with the dirty rings", engine="kvm", dirty="kvm-ring")
@case("unicorn", engine="unicorn")
def neither_disturbs_the_other(lab, engine, dirty="auto"):
    """A rate before, during and behind the begin of a migration."""
    source = lab.source("--dirty", dirty, engine=engine, append=FAST)
    destination = lab.destination("-S", engine=engine)
    source.qmp.run("migrate-set-parameters", max_bandwidth=8 * MIB,
                   downtime_limit=0, x_smudge_max_rounds=1000000)
    calc(source, 1000, x_smudge_windows=[100])
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("active")
    measured(source)
    found = whole_passes(source, 1000, x_smudge_windows=[50])
    check_whole_working_set(found["x-smudge"]["windows"][0])
    report = source.qmp.migration()
    check_equal(report["status"], "active", f"{report}")
    # a third one runs while the migration completes
    calc(source, 8000, x_smudge_windows=[20])
    source.qmp.run("migrate-set-parameters", max_bandwidth=0,
                   downtime_limit=10000)
    source.qmp.wait_migration("completed")
    destination.qmp.wait_migration("completed")
    check_equal(source.qmp.run("x-smudge-memory-digest"),
                destination.qmp.run("x-smudge-memory-digest"), "digests")
    measured(source)
    source.check_tracking_off()
    destination.qmp.run("cont")
    destination.wait_passes(3)


@case
def a_migration_that_is_cancelled(lab):
    source = lab.source(append=FAST)
    lab.destination("-S")
    calc(source, 2000)
    source.qmp.run("migrate-set-parameters", max_bandwidth=MIB)
    source.qmp.run("migrate", uri=lab.uri)
    source.qmp.wait_migration("active")
    source.qmp.run("migrate_cancel")
    source.qmp.wait_migration("cancelled")
    measured(source)
    source.check_runs_on()


@case
def quit_while_measuring(lab):
    source = lab.source(append=FAST)
    source.qmp.run("calc-dirty-rate", calc_time=60)
    found = query(source)
    check_equal((found["status"], found["calc-time"], "dirty-rate" in found),
                ("measuring", 60000, False), f"{found}")
    check_sentence(source.qmp.fails("calc-dirty-rate", calc_time=1).desc,
                   "already")
    check_sentence(source.qmp.fails("x-smudge-forecast", line_bandwidth=1).desc,
                   "calc-dirty-rate")
    source.qmp.run("quit")
    check_equal(source.wait(), 0, "status")
    check_equal(source.sentences(), [], "stderr")


@case
def a_guest_that_ends_while_it_is_measured(lab):
    need_engine(any_engine())
    source = lab.machine("source", "-S", "--kernel", GUEST, "--append",
                         "working-set=4M rate=20000 passes=10")
    source.qmp.run("calc-dirty-rate", calc_time=60)
    source.qmp.run("cont")
    check_equal(source.wait(), 0, "status")
    check(re.search("done passes 10 errors 0", source.serial()),
          source.serial()[-200:])


@case
def a_guest_that_has_not_arrived(lab):
    destination = lab.destination()
    check_sentence(destination.qmp.fails("calc-dirty-rate", calc_time=1).desc,
                   "arrived")
    check_equal(query(destination)["status"], "unstarted", "status")


@case("no time", calc_time=0, says="calc-time")
@case("too short", calc_time=49, calc_time_unit="millisecond", says="calc-time")
@case("too long", calc_time=61, says="calc-time")
@case("negative", calc_time=-1, says="calc-time")
@case("a large number", calc_time=2**63 - 1, says="calc-time")
@case("another unit", calc_time=1, calc_time_unit="hour", says="hour")
@case("sampling", calc_time=1, mode="page-sampling", says="page-sampling")
@case("samples", calc_time=1, sample_pages=512, says="sample-pages")
@case("a long window", calc_time=1, x_smudge_windows=[1001],
      says="x-smudge-windows")
@case("a short window", calc_time=1, x_smudge_windows=[9],
      says="x-smudge-windows")
@case("a word as a window", calc_time=1, x_smudge_windows=["100"],
      says="x-smudge-windows")
@case("many windows", calc_time=1, x_smudge_windows=[100] * 17,
      says="x-smudge-windows")
def is_refused(lab, says, **arguments):
    source = lab.source()
    check_sentence(source.qmp.fails("calc-dirty-rate", **arguments).desc, says)
    check_equal(query(source)["status"], "unstarted", "status")
    check_sentence(source.qmp.fails("query-dirty-rate",
                                    calc_time_unit="x").desc, "x")


main()
