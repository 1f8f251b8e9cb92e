#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge rate on programs that are none of ours: their results stay right.

usage: test_rate_programs.py [--latency]

--latency: prints how fast each is, and how much processor time it used, without
smudge and measured by two methods. They take turns; medians.
"""
import json
import statistics
import sys

from programs import PROGRAMS, Go, Java, Postgres, Python, Redis
from ratetest import lines_of, rate, start
from smudgetest import Lab, Skip, case, check, main, note

ROUNDS = 5


@case("redis-server under redis-benchmark", program=Redis)
@case("PostgreSQL under pgbench", program=Postgres)
@case("python3", program=Python)
@case("OpenJDK", program=Java)
@case("Go", program=Go)
def stays_right(lab, program):
    """It is measured again and again while its load runs."""
    tried = program(lab)
    measured = 0
    for method in "auto", "sample":
        tried.start()
        while tried.load.poll() is None:
            done = rate(tried.pid, "--children", "--count", 2, "--interval",
                        "0.1", "--method", method, "--json")
            # a load may end before the first interval has
            if done.returncode and tried.pid != tried.load.pid:
                check(False, f"{done}")
            if done.returncode == 0:
                measured += json.loads(
                    done.stdout.splitlines()[-1])["sum"]["pages"]
        tried.finish()
    check(measured > 0, "nothing was written")


@case
def children_have_names(lab):
    tried = Postgres(lab)
    tried.start()
    summary = lines_of(tried.pid, "--children", "--count", 2, "--interval",
                       "0.3")[-1]
    tried.finish()
    names = {process["name"] for process in summary["processes"]}
    check("postgres" in names and len(summary["processes"]) > 4, f"{names}")


def figures(tried, method):
    """Of one load, which may be measured meanwhile: its own, processor time."""
    tried.start()
    is_server = tried.pid != tried.load.pid
    before = tried.processor_s() if is_server else 0
    process = start(tried.pid, "--children", "--method", method, "--interval",
                    "0.1") if method else None
    # a server is measured until the load's end, another one until its own
    if is_server:
        tried.load.wait()
    used = tried.processor_s() - before
    value, unit = tried.finish()
    if process:
        process.terminate()
        out, err = process.communicate()
        check(process.returncode == 0, f"{tried.name}: {out} {err}")
    return (value, used), unit


def row(program, lab, methods):
    tried = program(lab, size=2)
    figures(tried, None)  # warm
    found = {method: [] for method in methods}
    for _ in range(ROUNDS):
        for method in methods:
            values, unit = figures(tried, method)
            found[method].append(values)
    for index, what in enumerate([unit, "s of processor time"]):
        print(f"| {program.name} | {what} |", " | ".join(
            f"{statistics.median(v[index] for v in found[m]):.3g}"
            for m in methods), "|", flush=True)


def latency():
    methods = [None, "uffd", "sample"]
    print("| program | figure | alone | uffd | sample |\n|---|---|---|---|---|")
    for program in PROGRAMS:
        with Lab() as lab:
            try:
                row(program, lab, methods)
            except Skip as reason:
                note(f"{program.name}: {reason}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--latency"]:
        latency()
    else:
        main()
