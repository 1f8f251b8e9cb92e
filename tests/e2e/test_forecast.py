#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Forecasts beside real migrations of a guest with a fixed rate, over a line of
a fixed bandwidth.

A forecast is right if of five migrations the median has as many rounds but for
one, and time and downtime within a quarter. On a machine that is busy with
other work threads get their processors late, and nothing is fixed: the kernel
counts that, and a thread here how long all of it stood. If a forecast is wrong
there, five other migrations are made; if it is still wrong and the machine
still busy, the case is skipped.
"""
import json
import os
import pathlib
import statistics
import subprocess
import threading
import time

from line import Line
from smudgetest import (GUEST, MIB, PATIENCE, TOOL, Skip, any_engine, case,
                        check, check_equal, check_sentence, main, need_engine,
                        note, wait_until)
from stopwatch import STALL_S

NRUNS = 5
NSETS = 2
TOLERANCE = 0.25
MOST_WAITING = 0.1  # of a thread's time
LOOK_S = 0.02
MEASURE_S = 2
WINDOWS_MS = [100, 200, 400, 800, 1600]
NS_PER_S = 1e9


class Waits:
    """How long threads wait for a processor, as a share of the time."""

    def __init__(self, *pids):
        self.pids = pids
        self.before = self.read()

    def read(self):
        found = {}
        for pid in self.pids:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                try:
                    used, waited, _ = (task / "schedstat").read_text().split()
                except (OSError, ValueError):
                    continue  # it has ended, or the kernel counts nothing
                found[task.name] = int(waited)
        return found

    def longest_ns(self):
        return max((waited - self.before.get(task, 0)
                    for task, waited in self.read().items()), default=0)


class Stalls:
    """For how long a thread did not come to look at the time: what the kernel does
    not count is when all of the machine stands."""

    def __enter__(self):
        self.seconds = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def _watch(self):
        began = time.monotonic()
        while not self.is_over.wait(LOOK_S):
            now = time.monotonic()
            late = now - began - LOOK_S
            self.seconds += late if late > STALL_S else 0
            began = now


def start(lab, append):
    source = lab.machine("source", "--kernel", GUEST, "--append", append,
                         memory="32M")
    source.connect().close()
    wait_until(lambda: "ready pages" in source.serial(), "the guest's start")
    return source


def measure(source):
    source.qmp.run("calc-dirty-rate", calc_time=MEASURE_S,
                   x_smudge_windows=WINDOWS_MS)
    wait_until(lambda: source.qmp.run("query-dirty-rate")["status"] ==
               "measured", "a measured rate")


def run(lab, append, line, limits):
    """The forecast, the report of the migration, and how long threads waited."""
    source = start(lab, append)
    destination = lab.destination("-S", memory="32M")
    waits = Waits(source.process.pid, destination.process.pid, os.getpid())
    source.qmp.run("migrate-set-parameters", **limits)
    with Stalls() as stalls:
        measure(source)
        forecast = source.qmp.run("x-smudge-forecast", line_bandwidth=line)
        carrier = Line(lab, lab.path("line.sock"), lab.path("migration.sock"), line)
        source.qmp.run("migrate", uri=carrier.uri)
        report = source.qmp.wait_migration("completed", "failed")
        check_equal(report["status"], "completed", f"{report}")
        destination.qmp.wait_migration("completed")
    time_s = MEASURE_S + report["x-smudge"]["elapsed-ns"] / NS_PER_S
    waited_s = waits.longest_ns() / NS_PER_S + stalls.seconds
    return forecast, report["x-smudge"], waited_s / time_s


def describe(forecast, report, waited):
    return (f"{forecast['outcome']}: {forecast['rounds']} rounds "
            f"({report['round']}), {forecast['total-time']:.0f} ms "
            f"({report['elapsed-ns'] / 1e6:.0f}), downtime "
            f"{forecast['downtime']:.1f} ms "
            f"({report['downtime-ns'] / 1e6:.1f}); a thread waited "
            f"{100 * waited:.0f} % of the time")


def run_set(lab, *arguments):
    runs = []
    for _ in range(NRUNS):
        with type(lab)() as inner:
            runs.append(run(inner, *arguments))
        note(describe(*runs[-1]))
    return runs


def why_wrong(runs, outcome):
    """None, or what is not as in the forecast, of the medians."""
    def foretold(name):
        return statistics.median(forecast[name] for forecast, _, _ in runs)

    def found(name):
        return statistics.median(report[name] for _, report, _ in runs)

    outcomes = statistics.mode(forecast["outcome"] for forecast, _, _ in runs)
    if outcomes != outcome:
        return f"the forecast was that it {outcomes}"
    if abs(foretold("rounds") - found("round")) > 1:
        return f"{foretold('rounds')} rounds were {found('round')}"
    for name, real in (("total-time", "elapsed-ns"), ("downtime", "downtime-ns")):
        ms = found(real) / 1e6
        if abs(foretold(name) - ms) > TOLERANCE * ms:
            return f"{name} of {foretold(name):.1f} ms was {ms:.1f}"
    return None


@case("at once", outcome="converges", line=10 * MIB,
      append="working-set=24M rate=300 pattern=random")
@case("after several rounds", outcome="converges", line=10 * MIB,
      append="working-set=24M rate=1000 pattern=random", downtime_limit=120)
@case("under a limit that is below the line", outcome="converges",
      append="working-set=24M rate=1000 pattern=random", line=20 * MIB,
      max_bandwidth=10 * MIB, downtime_limit=140)
@case("not at all", outcome="long-downtime", line=10 * MIB,
      append="working-set=8M rate=5000 pattern=random", downtime_limit=100,
      x_smudge_max_rounds=4)
def a_forecast_is_right(lab, outcome, append, line, **limits):
    need_engine(any_engine())
    if os.environ.get("SMUDGE_SANITIZE", "none") != "none":
        raise Skip("a sanitizer takes too much of the time")
    for _ in range(NSETS):
        runs = run_set(lab, append, line, limits)
        wrong = why_wrong(runs, outcome)
        if not wrong:
            return
        waited = statistics.median(share for _, _, share in runs)
        check(waited > MOST_WAITING, wrong)
    raise Skip(f"{wrong}, on a machine so busy that a thread waited "
               f"{100 * waited:.0f} % of the time")


@case
def it_needs_a_rate_and_a_bandwidth(lab):
    source = lab.source()
    check_sentence(source.qmp.fails("x-smudge-forecast", line_bandwidth=1).desc,
                   "calc-dirty-rate")
    source.qmp.run("calc-dirty-rate", calc_time=100,
                   calc_time_unit="millisecond")
    wait_until(lambda: source.qmp.run("query-dirty-rate")["status"] ==
               "measured", "a measured rate")
    check_sentence(source.qmp.fails("x-smudge-forecast").desc, "bandwidth")
    check_sentence(source.qmp.fails("x-smudge-forecast",
                                    line_bandwidth=-1).desc, "line-bandwidth")
    check_sentence(source.qmp.fails("x-smudge-forecast", line_bandwidth=1,
                                    downtime_limit=-1).desc, "downtime-limit")
    # the whole memory in one round, and none of the limits is kept
    forecast = source.qmp.run("x-smudge-forecast", max_bandwidth=1 << 40,
                              downtime_limit=10000)
    check_equal((forecast["outcome"], forecast["rounds"]), ("converges", 3),
                f"{forecast}")
    check_equal(source.qmp.run("query-migrate-parameters"),
                {"max-bandwidth": 0, "downtime-limit": 300,
                 "x-smudge-max-rounds": 30}, "limits")
    # as slow as a line can be
    forecast = source.qmp.run("x-smudge-forecast", line_bandwidth=1)
    check_equal((forecast["outcome"], forecast["rounds"]),
                ("long-downtime", 31), f"{forecast}")


@case
def from_outside(lab):
    """smudge rate says it of the same guest, without the monitor's help."""
    source = start(lab, "working-set=24M rate=1000 pattern=random")
    arguments = ["rate", "--qmp", source.qmp_path, "--duration", "6", "--json",
                 "--downtime", "120", "--bandwidth"]
    done = subprocess.run([TOOL, *arguments, "10M"], text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if "Permission" in done.stderr or "Operation not permitted" in done.stderr:
        raise Skip(done.stderr.strip())
    check_equal((done.returncode, done.stderr), (0, ""), f"{done}")
    forecast = json.loads(done.stdout.splitlines()[-1])["forecast"]
    check(32 * MIB >> 12 <= forecast["total-pages"] <= 48 * MIB >> 12,
          f"{forecast}")
    check(24 * MIB >> 12 <= forecast["content-pages"] <=
          forecast["total-pages"], f"{forecast}")
    # what a migration sends at least, and how long that takes
    check(forecast["sent-bytes"] >= 24 * MIB, f"{forecast}")
    check(forecast["total-ms"] >= 2400, f"{forecast}")
    check_equal(forecast["converges"], forecast["downtime-ms"] <= 120,
                f"{forecast}")
    none = subprocess.run([TOOL, *arguments[:-1]], text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, capture_output=True)
    check_equal(none.returncode, 2, f"{none}")
    check_sentence(none.stderr.strip(), "--bandwidth")


main()
