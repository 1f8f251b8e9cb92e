#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench-sources: the shape of its results, and options of its own.

usage: test_sources.py BENCH-SOURCES

It measures 64 pages, and judges no figure.
"""
import json
import subprocess
import sys

from rows import run_tests

COMMAND = sys.argv[1]
PAGES = 64
DIRTY = [1, 10]  # at most half of the pages
# What needs nothing of the kernel, and what may be missing in it.
ALWAYS = {"vhost_log", "mark", "copy and compare everything", "fork"}
BASELINES = {"copy and compare everything", "fork"}
LIMITED = {"uffd, private anonymous", "uffd, shared memfd",
           "process, its region", "process, its mappings compared first",
           "kvm_log, legacy", "kvm_log, manual", "kvm_ring"}
PERHAPS = LIMITED | {"mprotect", "soft_dirty"}
TIMES = {"arm_us_per_gib", "scan_us_per_gib", "write_ns_per_page",
         "harvest_ns_per_page", "stop_us_per_gib"}


def run(*options):
    return subprocess.run([COMMAND, *options], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL)


def rows(*options, statuses=(0,)):
    done = run("--json", *options)
    assert done.returncode in statuses, (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_side(side, row):
    assert side["found"] >= row["dirty"], row
    times = {name for name in side if name != "found"}
    assert TIMES <= times <= TIMES | {"take_ns_per_page"}, times
    for name in times:
        low, middle, high = (side[name][k] for k in ("min", "median", "max"))
        assert 0 <= low <= middle <= high, (name, side[name])


def check_row(row):
    is_baseline = row["case"] in BASELINES
    assert row["pages"] == PAGES and row["dirty"] in DIRTY, row
    assert row["rearms_in"] in ("harvest", "take", "none"), row
    assert ("library" in row) != is_baseline, row
    assert ("library_adds" in row) != is_baseline, row
    assert (row["case"] in LIMITED) == (row.get("must") == 1.1), row
    check_side(row["bare"], row)
    if not is_baseline:
        check_side(row["library"], row)
        assert "take_ns_per_page" in row["library"]
        adds = row["library_adds"]
        assert adds["pass_low"] <= adds["pass"] <= adds["pass_high"], adds
        assert adds["harvest"] > 0, adds


def shape():
    """Each source has its rows, or one that says why there is none."""
    found = rows("--pages", str(PAGES), "--samples", "1")
    summary = found.pop()
    assert summary == {"case": "summary", "judged": 0, "missed": 0}, summary
    cases = {}
    for row in found:
        cases.setdefault(row["case"], []).append(row)
    assert ALWAYS <= set(cases) <= ALWAYS | PERHAPS, set(cases)
    for case, own in cases.items():
        if "skipped" in own[0]:
            assert case in PERHAPS and own[0]["skipped"] and len(own) == 1, own
            continue
        assert [row["dirty"] for row in own] == DIRTY, own
        for row in own:
            check_row(row)


def judged():
    """Two samples and more are judged, and the status says so."""
    *found, summary = rows("--pages", str(PAGES), "--samples", "3",
                           "--source", "uffd", statuses=(0, 3))
    measured = [row for row in found if "skipped" not in row]
    missed = [row for row in measured if not row["is_met"]]
    assert summary["judged"] == len(measured), summary
    assert summary["missed"] == len(missed), summary
    for row in measured:
        is_above = row["library_adds"]["pass"] > row["must"]
        is_equal = row["library_adds"]["pass"] == row["must"]
        assert is_equal or is_above != row["is_met"], row
    done = run("--pages", str(PAGES), "--samples", "2", "--source", "mark")
    assert done.returncode == 0, "a source without a limit is judged"
    assert "above the limit" not in done.stdout


def chosen():
    """--source and --dirty choose rows."""
    found = rows("--pages", str(PAGES), "--samples", "1", "--source", "mark",
                 "--dirty", "10")
    assert [(row["case"], row.get("dirty")) for row in found] == [
        ("mark", 10), ("summary", None)], found


def wrong_options():
    for wrong, why in [(["--pages", "63"], "63 is not from 64 to"),
                       (["--pages", "16777217"], "is not from 64 to"),
                       (["--dirty", "7"], "no row has so many pages"),
                       (["--dirty", "0"], "0 is not from 1 to"),
                       (["--dirty", "many"], "many is not from 1 to"),
                       (["--source", "floppy"], "no source has this"),
                       (["--samples", "102"], "102 is not from 1 to 101"),
                       (["more"], "usage: bench-sources")]:
        done = run(*wrong)
        assert done.returncode == 2 and not done.stdout, (wrong, done)
        assert why in done.stderr, (wrong, done.stderr)


if __name__ == "__main__":
    sys.exit(run_tests([shape, judged, chosen, wrong_options]))
