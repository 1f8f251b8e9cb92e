#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""smudge rate on programs that are none of ours: their results stay right.

usage: test_rate_programs.py [--latency]

--latency: prints how fast each is, without smudge, and measured by each method.
"""
import json
import statistics
import sys

from programs import PROGRAMS, Java, Postgres, Python, Redis
from ratetest import lines_of, rate, start
from smudgetest import Lab, Skip, case, check, main, note

ROUNDS = 7


@case("redis-server under redis-benchmark", program=Redis)
@case("PostgreSQL under pgbench", program=Postgres)
@case("python3", program=Python)
@case("OpenJDK", program=Java)
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


def figure(tried, method):
    """Of one load, which may be measured meanwhile."""
    tried.start()
    process = start(tried.pid, "--children", "--method", method) if method \
        else None
    value, unit = tried.finish()
    if process:
        process.terminate()
        process.communicate()
    return value, unit


def latency():
    methods = [None, "uffd", "soft-dirty", "sample"]
    print("| program | figure | alone | uffd | soft-dirty | sample |")
    print("|---|---|---|---|---|---|")
    for program in PROGRAMS:
        with Lab() as lab:
            try:
                tried = program(lab, size=2)
            except Skip as reason:
                note(f"{program.name}: {reason}")
                continue
            figure(tried, None)  # warm
            values = {method: [] for method in methods}
            for _ in range(ROUNDS):
                for method in methods:
                    value, unit = figure(tried, method)
                    values[method].append(value)
        print(f"| {program.name} | {unit} |", " | ".join(
            f"{statistics.median(values[m]):.3g}" for m in methods), "|",
            flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--latency"]:
        latency()
    else:
        main()
